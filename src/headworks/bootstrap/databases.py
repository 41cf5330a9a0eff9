"""Where each context keeps its tables: a file in the data folder, or a database on a server."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from headworks.catalog.adapters.tables import SCHEMA as CATALOG
from headworks.gateway.adapters.tables import SCHEMA as GATEWAY
from headworks.identity.adapters.tables import SCHEMA as IDENTITY
from headworks.kernel.database import Address, Database, DatabaseUnavailable, Limits, prepare_schema
from headworks.kernel.database.schema import file_standing
from headworks.kernel.telemetry import logger
from headworks.ledger.adapters.tables import SCHEMA as LEDGER
from headworks.limits.adapters.tables import SCHEMA as LIMITS
from headworks.usage.adapters.tables import SCHEMA as USAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from headworks.bootstrap.home import Home
    from headworks.bootstrap.roles import Role
    from headworks.bootstrap.settings import Settings
    from headworks.kernel.database import Schema, Standing

_log = logger(__name__)

SCHEMAS = (IDENTITY, CATALOG, GATEWAY, LIMITS, USAGE, LEDGER)
_SETS: Final[Mapping[Role, Mapping[str, int]]] = {
    "up": {IDENTITY.context: 2, CATALOG.context: 3, LIMITS.context: 2, USAGE.context: 3},
    "control": {IDENTITY.context: 2, CATALOG.context: 3, LIMITS.context: 2, USAGE.context: 3},
    "usage": {IDENTITY.context: 2, CATALOG.context: 2, LIMITS.context: 1, USAGE.context: 2},
    "worker": {IDENTITY.context: 1, CATALOG.context: 1, LIMITS.context: 1, USAGE.context: 1},
    "gateway": {},
}
"""Sets of connections in a process: of the control plane, of the controller, and of the shipper. The last two write usage as well, and
which gateways there are lies beside the catalog."""

PASSES_WALLS: Final = (
    "Headworks' database role is above row-level security, which is to keep organisations apart: make it neither a superuser nor "
    "BYPASSRLS"
)


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
        return sum(self.connections("up").values())

    def connections(self, role: Role) -> dict[str, int]:
        """The most that a process of that role takes of each server, by `host:port`."""
        found: Counter[str] = Counter()
        for place in self:
            # What lies beside another context uses its connections.
            if place.address is not None and not place.schema.beside:
                sets = _SETS[role].get(place.schema.context, 0)
                found[place.address.server] += self.limits.connections * sets
        return {server: most for server, most in found.items() if most}

    def is_shared(self, schema: Schema) -> bool:
        """Whether other processes may write there too."""
        return self._places[schema.context].address is not None

    def open(self, schema: Schema, *, inline: bool = False, takes_turns: bool = True) -> Database:
        """Connections of one loop. `inline`: see `Database.sqlite`; `takes_turns`: see `Database.on_server`."""
        place = self._places[schema.context]
        if place.address is None:
            return Database.sqlite(place.path, inline=inline)
        return Database.on_server(place.address, schema, self.limits, takes_turns=takes_turns)

    def prepare(self, role: Role = "up") -> None:
        """Before a start of that role: make or migrate the files; look whether the servers are as this code wants them.

        The log says where the walls between organisations are none for our role, and where a server may have no room for all
        connections of this process.
        Raises SchemaNotReady, SchemaTooNew, SchemaUnreadable, and DatabaseUnavailable.
        """
        for place in self:
            if place.address is None:
                prepare_schema(place.path, place.schema)
        if on_servers := [place for place in self if place.address is not None]:
            asyncio.run(self._check(on_servers, role))

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

    async def _check(self, places: list[Place], role: Role) -> None:
        from headworks.kernel.database import server_schema  # noqa: PLC0415 - as above

        passed: list[str] = []
        for place in places:
            if place.address is not None:
                found = await server_schema.check(place.address, place.schema, self.limits)
                passed += [place.schema.context] if found.passes_walls else []
        if passed:
            _log.warning(PASSES_WALLS, contexts=passed)
        servers = {place.address.server: place.address for place in places if place.address is not None}
        for server, most in self.connections(role).items():
            await self._look_for_room(servers[server], most)

    async def _look_for_room(self, address: Address, most: int) -> None:
        from headworks.kernel.database.room import room  # noqa: PLC0415 - as above

        try:
            found = await room(address, self.limits)
        except DatabaseUnavailable:
            # It was there a moment ago; whoever needs it next says so.
            return
        if found.used + most > found.most:
            _log.warning(
                "a database server may run out of connections: lower HEADWORKS_DATABASE_CONNECTIONS, or raise its max_connections",
                server=address.server,
                takes=found.most,
                in_use=found.used,
                this_process=most,
            )
