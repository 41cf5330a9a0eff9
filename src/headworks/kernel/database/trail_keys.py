"""What signs a trail in a database: keys that are derived from the keyring's, and the sealed ones of keyring keys that are gone."""

from __future__ import annotations

import base64
from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import Column, Table, insert, select, update

from headworks.kernel.database.columns import Exact, Long
from headworks.kernel.database.walls import EVERYTHING
from headworks.kernel.secrets import SealError, Secret, key_id_of, seal_context
from headworks.kernel.telemetry import logger
from headworks.kernel.trail import TrailKey

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.database.database import Database
    from headworks.kernel.secrets import Sealer

_log = logger(__name__)


def trail_keys_table(context: str, metadata: MetaData) -> Table:
    """Keys that signed entries once and are made of a key that the keyring has no longer."""
    return Table(
        f"{context}_audit_keys",
        metadata,
        Column("id", Exact(64), primary_key=True),
        Column("sealed", Long, nullable=False),
    )


class SqlTrailKeys:
    """The keys of one context's trail. Contexts have different ones, so that no entry passes for another's."""

    def __init__(self, context: str, table: Table, sealer: Sealer) -> None:
        self._context = context
        self._table = table
        self._sealer = sealer

    @property
    def current(self) -> TrailKey:
        """The one that signs."""
        return list(self._of_keyring().values())[-1]

    async def find(self, connection: AsyncConnection, key_id: str) -> TrailKey | None:
        """The key of this id; None where there is none, or it does not open."""
        return self._of_keyring().get(key_id) or (await self.known(connection)).get(key_id)

    async def known(self, connection: AsyncConnection) -> dict[str, TrailKey]:
        """Every key that entries may name."""
        rows = await connection.execute(select(self._table.c.id, self._table.c.sealed))
        kept = [key for key_id, sealed in rows if (key := self._opened(key_id, sealed)) is not None]
        return {key.id: key for key in kept} | self._of_keyring()

    async def keep(self, connection: AsyncConnection) -> int:
        """Keep the keys of all keyring keys but the one that seals, and seal with it what another one sealed; how many."""
        rows = {row.id: row.sealed for row in await connection.execute(select(self._table))}
        former = [key for key in self._of_keyring().values() if key.id != self._sealer.current]
        new = [{"id": key.id, "sealed": self._sealed(key)} for key in former if key.id not in rows]
        if new:
            await connection.execute(insert(self._table), new)
        resealed = 0
        for key_id, sealed in rows.items():
            resealed += await self._reseal(connection, key_id, sealed)
        return len(new) + resealed

    async def sealed_by(self, connection: AsyncConnection) -> Counter[str]:
        """How many of them each key of the keyring seals."""
        return Counter(key_id_of(sealed) for sealed in await connection.scalars(select(self._table.c.sealed)))

    async def _reseal(self, connection: AsyncConnection, key_id: str, sealed: str) -> int:
        if key_id_of(sealed) == self._sealer.current:
            return 0
        try:
            again = self._sealer.rewrap(sealed, self._place(key_id))
        except SealError as error:
            _log.warning("a key of the audit trail could not be sealed anew", key_id=key_id, detail=error.detail)
            return 0
        same = (self._table.c.id == key_id, self._table.c.sealed == sealed)
        return (await connection.execute(update(self._table).where(*same).values(sealed=again))).rowcount

    def _of_keyring(self) -> dict[str, TrailKey]:
        derived = self._sealer.derive(f"audit trail of {self._context}")
        return {key_id: TrailKey(key_id, key) for key_id, key in derived.items()}

    def _sealed(self, key: TrailKey) -> str:
        return self._sealer.seal(Secret(base64.b64encode(key.key).decode()), self._place(key.id))

    def _opened(self, key_id: str, sealed: str) -> TrailKey | None:
        try:
            return TrailKey(key_id, base64.b64decode(self._sealer.open(sealed, self._place(key_id)).reveal()))
        except SealError as error:
            _log.warning("a key of the audit trail does not open", key_id=key_id, detail=error.detail)
            return None

    def _place(self, key_id: str) -> bytes:
        return seal_context("audit key", self._context, key_id)


class KeptTrailKeys:
    """What `bootstrap.rotation` asks of a place that keeps sealed secrets."""

    def __init__(self, database: Database, keys: SqlTrailKeys) -> None:
        self._database = database
        self._keys = keys

    async def sealed_by(self) -> Counter[str]:
        """How many keys of the trail each key of the keyring seals. Raises DatabaseUnavailable."""
        async with self._database.read(EVERYTHING) as connection:
            return await self._keys.sealed_by(connection)

    async def reseal(self) -> int:
        """Before a key of the keyring goes, keep what it signed with. Raises DatabaseUnavailable."""
        async with self._database.transaction(EVERYTHING) as connection:
            return await self._keys.keep(connection)
