"""The port `Register` on a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from headworks.gateway.adapters.tables import drains, gateways
from headworks.gateway.domain.registered import Registered
from headworks.gateway.domain.roster import REMEMBERED, KnownGateway, Said
from headworks.kernel.database import EVERYTHING, is_duplicate, unless_there

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.audit import Change
    from headworks.kernel.database import Database

_LONGEST_ADDRESS, _LONGEST_VERSION = 128, 64
"""What a gateway says of itself is cut to what fits."""


class SqlRegister:
    """Statements that are right in any order, so that control planes need not take turns."""

    def __init__(
        self, database: Database, audit: Callable[[AsyncConnection, Change], Awaitable[None]] | None = None
    ) -> None:
        """`audit` writes to the trail of that database, in the transaction that it is given; None where nobody orders anything."""
        self._database = database
        self._audit = audit

    async def note(self, control: str, known: Sequence[KnownGateway], newest: int, at: datetime) -> None:
        """See the port."""
        async with self._database.transaction(EVERYTHING) as connection:
            for one in sorted(known, key=lambda one: one.id):
                await _put(connection, _columns(one, control, newest, at), at_all=bool(one.watches))
            await connection.execute(delete(gateways).where(gateways.c.noted_at < at - REMEMBERED))

    async def gateways(self, at: datetime) -> list[Registered]:
        """See the port."""
        wanted = select(gateways, drains.c.since).join_from(
            gateways, drains, gateways.c.id == drains.c.gateway, isouter=True
        )
        async with self._database.read(EVERYTHING) as connection:
            rows = (await connection.execute(wanted.order_by(gateways.c.id))).mappings().all()
        found = (_registered(row).at(at) for row in rows)
        return [one for one in found if one is not None]

    async def to_drain(self) -> frozenset[str]:
        """See the port."""
        async with self._database.read(EVERYTHING) as connection:
            return frozenset(await connection.scalars(select(drains.c.gateway)))

    async def drain(self, gateway: str, at: datetime, noted: Change) -> None:
        """See the port."""
        async with self._database.transaction(EVERYTHING) as connection:
            try:
                async with connection.begin_nested():
                    await connection.execute(insert(drains).values(gateway=gateway, since=at))
            except IntegrityError as error:
                if not is_duplicate(error):
                    raise
                return
            await self._note(connection, noted)

    async def undrain(self, gateway: str, noted: Change) -> None:
        """See the port."""
        async with self._database.transaction(EVERYTHING) as connection:
            gone = await connection.execute(delete(drains).where(drains.c.gateway == gateway))
            if gone.rowcount:
                await self._note(connection, noted)

    async def _note(self, connection: AsyncConnection, noted: Change) -> None:
        if self._audit is not None:
            await self._audit(connection, noted)


async def _put(connection: AsyncConnection, row: dict[str, Any], *, at_all: bool) -> None:
    """Over what this control plane wrote; over another's only where that does not matter (`at_all`)."""
    await connection.execute(unless_there(connection.dialect.name, gateways), row)
    theirs = gateways.c.id == row["id"]
    mine = theirs if at_all else theirs & (gateways.c.control == row["control"])
    await connection.execute(update(gateways).where(mine).values(row))


def _columns(one: KnownGateway, control: str, newest: int, at: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "control": control,
        "address": one.address[:_LONGEST_ADDRESS],
        "heard_at": one.heard_at,
        "version": one.said.version[:_LONGEST_VERSION],
        "waiting_records": one.said.waiting_records,
        "open_requests": one.said.open_requests,
        "draining": one.said.draining,
        "watching_since": one.watching_since,
        "away_since": one.away_since,
        "revision": one.revision,
        "newest": newest,
        "noted_at": at,
    }


def _registered(row: RowMapping) -> Registered:
    said = Said(row["version"], row["waiting_records"], row["open_requests"], row["draining"])
    known = KnownGateway(
        id=row["id"],
        address=row["address"],
        heard_at=row["heard_at"],
        said=said,
        watching_since=row["watching_since"],
        away_since=row["away_since"],
        revision=row["revision"],
        watches=int(row["away_since"] is None),
    )
    return Registered(known, row["control"], row["newest"], row["noted_at"], row["since"])
