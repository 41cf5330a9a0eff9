"""A context's tables in every kind of database, empty: what contract suites run on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest

from headworks.kernel.database import Address, Database, Limits, prepare_schema
from headworks.kernel.database.server_schema import migrate
from headworks.kernel.secrets import Secret
from tests.support.servers import Missing

if TYPE_CHECKING:
    from pathlib import Path

    from headworks.kernel.database import Schema
    from tests.support.servers import Servers

SERVERS: Final = ["postgresql", "mariadb"]
ENGINES: Final = ["sqlite", *SERVERS]
"""Every database that a store must run on."""
LIMITS: Final = Limits(connections=4, connect_seconds=10, lock_seconds=20, statement_seconds=60)
"""Patient: a test machine may be busy."""


@dataclass
class Place:
    """Where a test's tables are, and new connections to them."""

    schema: Schema
    path: Path | None = None
    address: Address | None = None
    takes_turns: bool = True
    """Of the database of `schema`, in which others may lie too."""

    def open(self) -> Database:
        """As one process would: whoever opens twice has two processes' worth of connections."""
        if self.address is not None:
            return Database.on_server(self.address, self.schema, LIMITS, takes_turns=self.takes_turns)
        assert self.path is not None
        return Database.sqlite(self.path)


@dataclass
class Databases:
    """For a whole test run: contexts that lie together have one database on each server, and a test finds it empty."""

    servers: Servers
    _made: dict[tuple[str, ...], Address] = field(default_factory=dict)

    def empty(self, engine: str, schema: Schema, folder: Path, *beside: Schema, takes_turns: bool = True) -> Place:
        """The tables of `schema`, and of those that lie beside it.

        Skips the test, saying why, where the server is not installed.
        """
        every = (schema, *beside)
        if engine == "sqlite":
            path = folder / f"{schema.context}.sqlite3"
            for one in every:
                prepare_schema(path, one)
            return Place(schema, path=path)
        place = engine, *(one.context for one in every)
        address = self._made.get(place)
        if address is None:
            address = self._made[place] = self.new(engine)
            for one in every:
                asyncio.run(migrate(address, one, LIMITS))
        else:
            for one in every:
                self._clear(engine, address, one)
        return Place(schema, address=address, takes_turns=takes_turns)

    def fresh(self, engine: str, schema: Schema) -> Place:
        """The tables in a database that no other test has had. Skips as `empty` does; not from within a loop."""
        address = self.new(engine)
        asyncio.run(migrate(address, schema, LIMITS))
        return Place(schema, address=address)

    def new(self, engine: str) -> Address:
        """A new database without tables. Skips the test, saying why, where the server is not installed."""
        try:
            server = self.servers.get(engine)
        except Missing as missing:
            pytest.skip(str(missing))
        return Address.parse(Secret(server.url(server.new_database())))

    def _clear(self, engine: str, address: Address, schema: Schema) -> None:
        tables = [table.name for table in reversed(schema.metadata.sorted_tables)]
        if engine == "postgresql":
            statement = f"TRUNCATE {', '.join(tables)}"
        else:
            statement = "".join(f"DELETE FROM `{name}`;" for name in tables)  # noqa: S608 - names of ours
        self.servers.get(engine).run(statement, address.database)
