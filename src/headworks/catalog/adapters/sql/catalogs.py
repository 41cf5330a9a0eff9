"""Doors to the catalog's database: reads at one moment, and transactions that announce what they changed."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, insert, select, update

from headworks.catalog.adapters.sql.reader import SqlReader
from headworks.catalog.adapters.sql.rows import price_of, provider_of
from headworks.catalog.adapters.sql.store import SqlStore
from headworks.catalog.adapters.tables import ANNOUNCEMENTS, TRAIL, prices, providers, revisions
from headworks.catalog.contracts import SHARED, CatalogChanged
from headworks.kernel.database import EVERYTHING
from headworks.kernel.secrets import key_id_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.catalog.contracts import Price, Provider
    from headworks.kernel.database import Database, SqlTrailKeys
    from headworks.kernel.events import EventBus

_REVISION = select(revisions.c.revision).where(revisions.c.scope == bindparam("scope"))
_ALL_REVISIONS = select(func.coalesce(func.sum(revisions.c.revision), 0))
_SEALED = select(providers.c.organization_id, providers.c.credential_sealed).where(
    providers.c.credential_sealed.is_not(None)
)
_ADD_SCOPE = insert(revisions)
_RAISE_REVISION = (
    update(revisions).where(revisions.c.scope == bindparam("changed")).values(revision=revisions.c.revision + 1)
)


class SqlCatalogs:
    """The port `Catalogs` on a database."""

    def __init__(self, database: Database, bus: EventBus, trail_keys: SqlTrailKeys | None = None) -> None:
        """`bus` hears of each committed change. `trail_keys` sign the audit trail; None leaves it unsigned."""
        self._database = database
        self._bus = bus
        self._trail_keys = trail_keys

    @asynccontextmanager
    async def reading(self, organization_id: str) -> AsyncIterator[SqlReader]:
        """Everything that the block reads is of one moment. Raises DatabaseUnavailable."""
        async with self._database.moment(organization_id) as connection:
            yield SqlReader(connection, organization_id)

    @asynccontextmanager
    async def writing(self, organization_id: str) -> AsyncIterator[SqlStore]:
        """Commits and announces at the end of the block, where it changed something. Raises DatabaseUnavailable."""
        shared = organization_id in SHARED
        with self._bus.after() as told:
            async with self._database.transaction(organization_id) as connection:
                store = SqlStore(connection, organization_id)
                yield store
                if store.changed:
                    await _raise_revision(connection, organization_id)
                    told(CatalogChanged(None if shared else organization_id))
                await TRAIL.append(connection, store.changes, self._trail_keys, "" if shared else organization_id)
                await ANNOUNCEMENTS.append(connection, told)

    async def revision(self, organization_id: str) -> int:
        """0 for a catalog that nobody has written to. Raises DatabaseUnavailable."""
        async with self._database.read(organization_id) as connection:
            found = await connection.scalar(_REVISION, {"scope": organization_id})
            return found or 0

    async def price_revision(self) -> int:
        """Revisions only rise, so their sum moves with each of them. Raises DatabaseUnavailable."""
        async with self._database.read(EVERYTHING) as connection:
            return int(await connection.scalar(_ALL_REVISIONS) or 0)

    async def sealed_by(self) -> dict[str, Counter[str]]:
        """Raises DatabaseUnavailable."""
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        async with self._database.read(EVERYTHING) as connection:
            for owner, sealed in await connection.execute(_SEALED):
                found[owner][key_id_of(sealed)] += 1
        return found

    async def price_history(self) -> tuple[int, list[Price], list[Provider]]:
        """The revision is read first: what changes meanwhile is read again rather than missed."""
        async with self._database.moment(EVERYTHING) as connection:
            revision = int(await connection.scalar(_ALL_REVISIONS) or 0)
            price_rows = (await connection.execute(select(prices))).mappings()
            provider_rows = (await connection.execute(select(providers))).mappings()
            return revision, [price_of(row) for row in price_rows], [provider_of(row) for row in provider_rows]


async def _raise_revision(connection: AsyncConnection, scope: str) -> None:
    raised = await connection.execute(_RAISE_REVISION, {"changed": scope})
    if not raised.rowcount:
        await connection.execute(_ADD_SCOPE, {"scope": scope, "revision": 1})
