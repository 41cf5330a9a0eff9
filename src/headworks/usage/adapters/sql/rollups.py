"""Roll-ups: added to as records come, changed by re-ratings, and made anew from the records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sqlalchemy import case, delete, func, insert, literal, select, update

from headworks.usage.adapters.sql.adding import adding_to
from headworks.usage.adapters.sql.numbers import Numbers
from headworks.usage.adapters.sql.refusals import refusals
from headworks.usage.adapters.tables import events, pending, rollups, subjects, turns
from headworks.usage.domain.rollups import (
    ADDED_UP,
    COUNTERS,
    GRAINS,
    LAST_HOUR,
    SECONDS,
    Compared,
    Group,
    Slot,
    coarser,
    join,
    sums_of,
)
from headworks.usage.domain.rows import Shared

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.usage.adapters.sql.tags import Tags
    from headworks.usage.domain.rollups import Grain, Sums

    _AnySelect: TypeAlias = "Select[*tuple[Any, ...]]"

_AT_ONCE: Final = 500
_TURN: Final = 1
_SECOND_US: Final = 1_000_000
_MINUTE_US: Final = 60 * _SECOND_US
_OF_GROUP: Final = (*(subjects.c[name] for name in Group._fields if name in Shared._fields), subjects.c.usage_source)


class SqlRollups:
    """On an open transaction."""

    def __init__(self, connection: AsyncConnection, tags: Tags, numbers: Numbers | None = None) -> None:
        self._connection = connection
        self._adding = adding_to(connection.dialect.name)
        self._tags = tags
        self._numbers = numbers or Numbers(connection)
        self._kept_from_us: int | None = None
        """Once we have our turn."""

    async def turn(self, *, alone: bool) -> int:
        """Wait until nobody makes roll-ups anew; with `alone`, until nobody adds to them either. Until the transaction ends.

        From when on records are kept: until then nobody can move it.
        """
        if self._kept_from_us is not None and not alone:
            return self._kept_from_us
        locked = select(turns.c.kept_from_us).where(turns.c.id == _TURN).with_for_update(read=not alone)
        kept_from_us = await self._connection.scalar(locked)
        if kept_from_us is None:
            await self._connection.execute(self._adding.unless_there(turns).values(id=_TURN))
            kept_from_us = await self._connection.scalar(locked)
        self._kept_from_us = kept_from_us or 0
        return self._kept_from_us

    async def keep_from(self, at_us: int) -> bool:
        """Move it on, unless something from before is still to be done. The caller has its turn alone."""
        unfinished = (
            select(pending.c.day_s).where(pending.c.day_s < at_us // _SECOND_US),
            select(events.c.id).where(events.c.transaction_id.is_(None)),
        )
        for one in unfinished:
            if await self._connection.scalar(one.limit(1)) is not None:
                return False
        later = update(turns).where(turns.c.id == _TURN, turns.c.kept_from_us < at_us).values(kept_from_us=at_us)
        await self._connection.execute(later)
        return True

    async def add(self, minutes: Mapping[Slot, Sums]) -> None:
        """To the minute, the hour and the day of each. Raises RowsRefused when a sum no longer fits."""
        if not minutes:
            return
        await self.turn(alone=False)
        await self._add(await self._tags.told_apart(minutes), GRAINS)

    async def change(self, differences: Mapping[int, Sums]) -> None:
        """What records, by their number, add up to has changed by so much. Raises RowsRefused."""
        minutes: dict[Slot, Sums] = {}
        for number, slot in (await self._slots(differences)).items():
            join(minutes, slot, differences[number])
        await self.add(minutes)

    async def ask_anew(self, seconds: Collection[int]) -> None:
        """The days of these seconds are to be made anew, from their first hour on."""
        days = sorted({at_s - at_s % SECONDS["day"] for at_s in seconds})
        for day_s in days:
            again = update(pending).where(pending.c.day_s == day_s).values(next_hour=0)
            if (await self._connection.execute(again)).rowcount == 0:
                await self._connection.execute(self._adding.unless_there(pending).values(day_s=day_s, next_hour=0))

    async def asked(self) -> tuple[int, int] | None:
        """The newest day that is to be made anew, and its next hour."""
        newest = select(pending.c.day_s, pending.c.next_hour).order_by(pending.c.day_s.desc()).limit(1)
        row = (await self._connection.execute(newest.with_for_update())).first()
        return None if row is None else (row.day_s, row.next_hour)

    async def make_hour(self, hour_s: int, adjusted: Mapping[int, Sums], *, minutes_kept: bool) -> None:
        """From the records, and what re-ratings changed, by record. The caller has its turn alone."""
        minutes = await self._recount(hour_s, adjusted)
        for grain in GRAINS[:2]:
            await self._connection.execute(delete(rollups[grain]).where(_within(grain, hour_s, SECONDS["hour"])))
        await self._add(minutes, GRAINS[:2] if minutes_kept else ("hour",))

    async def make_day(self, day_s: int) -> None:
        """From its hours. The caller has its turn alone."""
        days = rollups["day"]
        await self._connection.execute(delete(days).where(days.c.start_s == day_s))
        names = ["group_id", "start_s", *COUNTERS]
        await self._connection.execute(insert(days).from_select(names, _day_from_hours(day_s)))

    async def done(self, day_s: int, hour: int) -> None:
        """That hour of a day that was asked for is made."""
        this = pending.c.day_s == day_s
        if hour == LAST_HOUR:
            await self._connection.execute(delete(pending).where(this))
        else:
            await self._connection.execute(update(pending).where(this).values(next_hour=hour + 1))

    async def compare(self, hour_s: int, adjusted: Mapping[int, Sums], *, minutes_kept: bool) -> Compared:
        """How far the roll-ups are from what the records say. The caller has its turn alone."""
        by_slot = await self._recount(hour_s, adjusted)
        grains = GRAINS[:2] if minutes_kept else GRAINS[1:2]
        numbers = await self._numbers.of_groups({slot.group for slot in by_slot})
        wanted: dict[tuple[str, int, int], Sums] = {}
        for grain in grains:
            for (group, start_s), sums in coarser(by_slot.items(), grain).items():
                wanted[grain, numbers[group], start_s] = sums
        found: dict[tuple[str, int, int], Sums] = {}
        for grain in grains:
            table = rollups[grain]
            rows = await self._connection.execute(select(table).where(_within(grain, hour_s, SECONDS["hour"])))
            found.update(
                ((grain, row["group_id"], row["start_s"]), tuple(row[name] for name in COUNTERS))
                for row in rows.mappings()
            )
        day_s = hour_s - hour_s % SECONDS["day"]
        day = _day_from_hours(day_s)
        for row in (await self._connection.execute(day)).mappings():
            wanted["day", row["group_id"], day_s] = tuple(int(row[name]) for name in COUNTERS)
        days = rollups["day"]
        for row in (await self._connection.execute(select(days).where(days.c.start_s == day_s))).mappings():
            found["day", row["group_id"], day_s] = tuple(row[name] for name in COUNTERS)
        return Compared.between(found, wanted)

    async def forget(self, grain: Grain, before_s: int, seconds: int) -> int:
        """Of what begins before then, the oldest that begin within so many seconds; how many there were."""
        table = rollups[grain]
        oldest = await self._connection.scalar(select(func.min(table.c.start_s)))
        if oldest is None or oldest >= before_s:
            return 0
        old = delete(table).where(table.c.start_s < min(before_s, oldest + seconds))
        return (await self._connection.execute(old)).rowcount

    async def _add(self, minutes: Mapping[Slot, Sums], grains: Iterable[Grain]) -> None:
        if not minutes:
            return
        numbers = await self._numbers.of_groups({slot.group for slot in minutes})
        owners = {numbers[slot.group]: slot.group.organization_id for slot in minutes}
        sums = {(numbers[group], start_s): one for (group, start_s), one in minutes.items()}
        for grain in grains:
            sums = coarser(sums.items(), grain)
            # In one order for all writers, so that two of them never wait for each other: a row is locked until the commit.
            # An organisation's rows come together, and lie together: reports read those of one.
            rows = [(*slot, *sums[slot]) for slot in sorted(sums, key=lambda slot: (owners[slot[0]], *slot))]
            with refusals():
                await self._adding.add_sums(self._connection, rollups[grain], rows)

    async def _recount(self, hour_s: int, adjusted: Mapping[int, Sums]) -> Mapping[Slot, Sums]:
        """By minute, of the records of that hour, with the tags that roll-ups tell apart."""
        sums: dict[Slot, Sums] = {}
        for row in (await self._connection.execute(_recounted(hour_s))).mappings():
            slot = Slot(group_of_row(row), row["minute_us"] // _SECOND_US)
            found = sums_of(
                row["requests"],
                int(row["unpriced_requests"]),
                (int(row[name]) for name in ADDED_UP),
                outcome=row["outcome"],
                usage_source=row["usage_source"],
            )
            join(sums, slot, found)
        for number, slot in (await self._slots(adjusted)).items():
            join(sums, slot, adjusted[number])
        return await self._tags.told_apart(sums)

    async def _slots(self, numbers: Iterable[int]) -> dict[int, Slot]:
        """In which minute of which group records are, by their number."""
        found: dict[int, Slot] = {}
        asked = list(numbers)
        wanted = select(events.c.id, events.c.occurred_at_us, events.c.status, events.c.tags, *_OF_GROUP).join(
            subjects, subjects.c.id == events.c.subject_id
        )
        for start in range(0, len(asked), _AT_ONCE):
            part = wanted.where(events.c.id.in_(asked[start : start + _AT_ONCE]))
            for row in (await self._connection.execute(part)).mappings():
                at_s = row["occurred_at_us"] // _SECOND_US
                found[row["id"]] = Slot(group_of_row(row), at_s - at_s % SECONDS["minute"])
        return found


async def kept_from(connection: AsyncConnection) -> int:
    """Since when records are kept, in UTC microseconds, as it is now: who is to rely on it takes its turn."""
    return await connection.scalar(select(turns.c.kept_from_us)) or 0


def group_of_row(row: Mapping[Any, Any]) -> Group:
    """A row that has a column for each of the group's fields."""
    return Group(*(row[name] for name in Group._fields))


def _within(grain: Grain, start_s: int, seconds: int) -> Any:  # noqa: ANN401 - SQLAlchemy's own is no better
    starts = rollups[grain].c.start_s
    return (starts >= start_s) & (starts < start_s + seconds)


def _recounted(hour_s: int) -> _AnySelect:
    """Along the index on `occurred_at_us`. Nothing here is larger than what the roll-ups held already."""
    # A remainder is exact in all databases; a division is not.
    minute = (events.c.occurred_at_us - events.c.occurred_at_us % literal(_MINUTE_US)).label("minute_us")
    by = (events.c.subject_id, events.c.status, events.c.tags, minute)
    start_us, end_us = hour_s * _SECOND_US, (hour_s + SECONDS["hour"]) * _SECOND_US
    counted = (
        select(
            *by,
            func.count().label("requests"),
            func.sum(case((events.c.cost_nanodollars.is_(None), 1), else_=0)).label("unpriced_requests"),
            *(func.coalesce(func.sum(events.c[name]), 0).label(name) for name in ADDED_UP),
        )
        .where(events.c.occurred_at_us >= start_us, events.c.occurred_at_us < end_us)
        .group_by(*by)
        .subquery()
    )
    named = (column for column in counted.c if column.name != "subject_id")
    return select(*named, *_OF_GROUP).join(subjects, subjects.c.id == counted.c.subject_id)


def _day_from_hours(day_s: int) -> _AnySelect:
    hours = rollups["hour"]
    sums = (func.sum(hours.c[name]).label(name) for name in COUNTERS)
    return (
        select(hours.c.group_id, literal(day_s).label("start_s"), *sums)
        .where(_within("hour", day_s, SECONDS["day"]))
        .group_by(hours.c.group_id)
    )
