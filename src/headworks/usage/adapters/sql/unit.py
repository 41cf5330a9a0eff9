"""Writing usage, within one transaction."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import select

from headworks.usage.adapters.sql.adding import adding_to
from headworks.usage.adapters.sql.numbers import Known, Numbers
from headworks.usage.adapters.sql.refusals import refusals
from headworks.usage.adapters.sql.rollups import SqlRollups
from headworks.usage.adapters.sql.tags import Tags
from headworks.usage.adapters.tables import events, sources
from headworks.usage.domain.rollups import LAST_HOUR, SECONDS
from headworks.usage.domain.rows import identity_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.usage.adapters.sql.numbers import Thing
    from headworks.usage.domain.rollups import Compared, Grain, Slot, Sums
    from headworks.usage.domain.rows import Row
    from headworks.usage.ports import Books, Rejection

_ASKED_AT_ONCE = 500


class SqlUnit:
    """The port `UsageUnit` on an open transaction."""

    def __init__(self, connection: AsyncConnection, known: Known, books: Books, tag_values: int) -> None:
        self._connection = connection
        self._adding = adding_to(connection.dialect.name)
        self._numbers = Numbers(connection, known)
        self.tags = Tags(connection, tag_values, known)
        self.rollups = SqlRollups(connection, self.tags, self._numbers)
        self.books = books

    @property
    def learnt(self) -> Mapping[tuple[str, Thing], int]:
        """Numbers that may be remembered once this is committed."""
        return self._numbers.learnt

    async def add_rows(self, rows: Sequence[Row], transactions: Mapping[str, int]) -> None:
        """Raises AlreadyThere, RowsRefused."""
        if not rows:
            return
        found = await self._numbers.of_subjects({subject for subject, _ in rows})
        numbers = {
            subject: (*of_source_and_subject, transactions[subject.shared.organization_id])
            for subject, of_source_and_subject in found.items()
        }
        with refusals():
            await self._adding.add_rows(self._connection, rows, numbers)

    async def present(self, rows: Iterable[Row]) -> Collection[tuple[str, str]]:
        """Asks for some hundreds at a time: a statement has a largest number of parameters.

        Each source by itself: for pairs PostgreSQL would compare each record there is with each that is asked for.
        """
        wanted: defaultdict[str, list[str]] = defaultdict(list)
        for source, event_id in map(identity_of, rows):
            wanted[source].append(event_id)
        found: set[tuple[str, str]] = set()
        for source, event_ids in wanted.items():
            number = select(sources.c.id).where(sources.c.name == source).scalar_subquery()
            among = select(events.c.event_id).where(events.c.source_id == number)
            for start in range(0, len(event_ids), _ASKED_AT_ONCE):
                statement = among.where(events.c.event_id.in_(event_ids[start : start + _ASKED_AT_ONCE]))
                found.update((source, event_id) for event_id in (await self._connection.execute(statement)).scalars())
        return found

    async def add_sums(self, minutes: Mapping[Slot, Sums]) -> None:
        """Raises RowsRefused."""
        await self.rollups.add(minutes)

    async def kept_from(self) -> int:
        """In its turn."""
        return await self.rollups.turn(alone=False)

    async def keep_from(self, at_us: int) -> bool:
        """With the turn's row."""
        return await self.rollups.keep_from(at_us)

    async def ask_anew(self, seconds: Collection[int]) -> None:
        """In their turn."""
        await self.rollups.turn(alone=False)
        await self.rollups.ask_anew(seconds)

    async def alone(self) -> None:
        """Until the transaction ends."""
        await self.rollups.turn(alone=True)

    async def asked(self) -> tuple[int, int] | None:
        """The newest."""
        return await self.rollups.asked()

    async def make_hour(self, day_s: int, hour: int, adjusted: Mapping[int, Sums], *, minutes_kept: bool) -> None:
        """With the day, once all its hours are made."""
        await self.rollups.make_hour(day_s + hour * SECONDS["hour"], adjusted, minutes_kept=minutes_kept)
        if hour == LAST_HOUR:
            await self.rollups.make_day(day_s)
        await self.rollups.done(day_s, hour)

    async def compare(self, hour_s: int, adjusted: Mapping[int, Sums], *, minutes_kept: bool) -> Compared:
        """Reads only, but for groups that roll-ups have forgotten."""
        return await self.rollups.compare(hour_s, adjusted, minutes_kept=minutes_kept)

    async def forget(self, grain: Grain, before_s: int, seconds: int) -> int:
        """By the index on `start_s`."""
        return await self.rollups.forget(grain, before_s, seconds)

    async def put_aside(self, rejections: Iterable[Rejection]) -> None:
        """One that is there already stays."""
        rows = [
            {"digest": one.digest, "reason": one.reason, "event": one.event, "rejected_at": one.rejected_at}
            for one in rejections
        ]
        await self._connection.execute(self._adding.put_aside, rows)
