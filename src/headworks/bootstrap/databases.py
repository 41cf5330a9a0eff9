"""Where each context keeps its tables: a file in the data folder, or a database on a server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.catalog.adapters.tables import SCHEMA as CATALOG
from headworks.identity.adapters.tables import SCHEMA as IDENTITY
from headworks.kernel.database import Address, Database, Limits, prepare_schema
from headworks.kernel.database.schema import file_standing
from headworks.ledger.adapters.tables import SCHEMA as LEDGER
from headworks.limits.adapters.tables import SCHEMA as LIMITS
from headworks.usage.adapters.tables import SCHEMA as USAGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from headworks.bootstrap.home import Home
    from headworks.bootstrap.settings import Settings
    from headworks.kernel.database import Schema, Standing

SCHEMAS = (IDENTITY, CATALOG, LIMITS, USAGE, LEDGER)
_OTHER_LOOPS = {IDENTITY.context: 1, CATALOG.context: 1, LIMITS.context: 1, USAGE.context: 2}
"""How many sets of connections the controller and the shipper have beside the control plane's: both write usage."""


@dataclass(frozen=True, slots=True)
class Place:
    """A context's tables: `address` on a server, else the file at `path`."""

    schema: Schema
    path: Path
    address: Address | None

    def __str__(self) -> str:
        """For people; holds no secret."""
        return str(self.address or f"sqlite file {self.path}")


class Databases:
    """Every context's place. Opens nothing until it is asked."""

    def __init__(self, home: Home, settings: Settings) -> None:
        """Raises BadAddress, which the settings have ruled out."""
        self.limits = Limits(
            connections=settings.database_connections,
            connect_seconds=settings.database_connect_seconds,
            lock_seconds=settings.database_lock_seconds,
            statement_seconds=settings.database_statement_seconds,
        )
        urls = {
            IDENTITY.context: settings.identity_database_url,
            CATALOG.context: settings.catalog_database_url,
            LIMITS.context: settings.limits_database_url,
            USAGE.context: settings.usage_database_url,
        }
        paths = {
            IDENTITY.context: home.identity,
            CATALOG.context: home.catalog,
            LIMITS.context: home.limits,
            USAGE.context: home.usage,
        }
        self._places: dict[str, Place] = {}
        for schema in SCHEMAS:
            # What lies beside another context has no place of its own.
            owner = schema.beside or schema.context
            url = urls[owner] or settings.database_url
            address = None if url is None else Address.parse(url)
            self._places[schema.context] = Place(schema, paths[owner], address)

    def __iter__(self) -> Iterator[Place]:
        """In the order in which contexts depend on each other."""
        return iter(self._places.values())

    @property
    def most_connections(self) -> int:
        """To all servers together, of one process that serves everything: docs/guides/databases.md has the sum."""
        most = self.limits.connections
        # What lies beside another context uses its connections.
        return sum(
            most * (1 + _OTHER_LOOPS[place.schema.context])
            for place in self
            if place.address and not place.schema.beside
        )

    def open(self, schema: Schema, *, inline: bool = False, takes_turns: bool = True) -> Database:
        """Connections of one loop. `inline`: see `Database.sqlite`; `takes_turns`: see `Database.on_server`."""
        place = self._places[schema.context]
        if place.address is None:
            return Database.sqlite(place.path, inline=inline)
        return Database.on_server(place.address, schema, self.limits, takes_turns=takes_turns)

    def prepare(self) -> None:
        """Before a start: make or migrate the files; look whether the servers are as this code wants them.

        Raises SchemaNotReady, SchemaTooNew, SchemaUnreadable, and DatabaseUnavailable.
        """
        for place in self:
            if place.address is None:
                prepare_schema(place.path, place.schema)
        if on_servers := [place for place in self if place.address is not None]:
            asyncio.run(self._check(on_servers))

    async def standing(self, place: Place) -> Standing:
        """How the schema stands there; changes nothing. Raises SchemaUnreadable, DatabaseUnavailable."""
        if place.address is None:
            return file_standing(place.path, place.schema)
        from headworks.kernel.database import server_schema  # noqa: PLC0415 - files need none of it

        return await server_schema.standing(place.address, place.schema, self.limits)

    async def migrate(self, place: Place) -> Standing:
        """Bring it to what this code wants; how it stood before. Raises what `prepare` raises."""
        before = await self.standing(place)
        if place.address is None:
            prepare_schema(place.path, place.schema)
            return before
        from headworks.kernel.database import server_schema  # noqa: PLC0415 - as above

        return await server_schema.migrate(place.address, place.schema, self.limits)

    async def _check(self, places: list[Place]) -> None:
        from headworks.kernel.database import server_schema  # noqa: PLC0415 - as above

        for place in places:
            if place.address is not None:
                await server_schema.check(place.address, place.schema, self.limits)
