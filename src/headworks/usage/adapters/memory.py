"""Usage in memory: the twin of `sql` for tests. One contract suite runs on both."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headworks.kernel.moments import micros
from headworks.usage.adapters.memory_rollups import MemoryRollups, recounted
from headworks.usage.contracts import UsageRecord
from headworks.usage.domain.remarks import CONTRADICTS
from headworks.usage.domain.rollups import SECONDS
from headworks.usage.domain.rows import event_of, identity_of
from headworks.usage.ports import AlreadyThere
from headworks.usage.settings import TAG_VALUES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from headworks.kernel.pagination import Page, PageRequest
    from headworks.usage.contracts import ReportRow
    from headworks.usage.domain.rollups import Compared, Grain, Slot, Sums
    from headworks.usage.domain.rows import Row
    from headworks.usage.ports import Bookkeeper, Books, RecordFilter, Rejection, ReportFilter

_SECOND_US = 1_000_000


@dataclass
class State:
    """A transaction works on a copy."""

    rows: dict[tuple[str, str], UsageRecord] = field(default_factory=dict)
    rollups: MemoryRollups = field(default_factory=MemoryRollups)
    rejected: dict[str, Rejection] = field(default_factory=dict)
    kept_from_us: int = 0


class MemoryStore:
    """The port `UsageStore`. A transaction works on a copy."""

    def __init__(self, bookkeeper: Bookkeeper, tag_values: int = TAG_VALUES) -> None:
        """`tag_values`: see `UsageSettings`."""
        self.bookkeeper = bookkeeper
        self._state = State(rollups=MemoryRollups(tag_values=tag_values))
        self._writing = asyncio.Lock()

    @property
    def state(self) -> State:
        """As it is now."""
        return self._state

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryUnit]:
        """One at a time."""
        async with self._writing:
            state = self._state
            ours = State(copy(state.rows), state.rollups.copied(), copy(state.rejected), state.kept_from_us)
            async with self.bookkeeper.joining(ours) as books:
                unit = MemoryUnit(ours, books)
                yield unit
            self._state = unit.state
        books.committed()

    @asynccontextmanager
    async def read(self, _organization_id: str | None) -> AsyncIterator[MemoryReading]:
        """Of this moment."""
        yield MemoryReading(self._state)

    async def make_partitions(self, _at: datetime) -> list[str]:
        """All lies together."""
        return []

    async def drop_partitions(self, _before_us: int) -> list[str]:
        """All lies together."""
        return []


class MemoryUnit:
    """The port `UsageUnit`."""

    def __init__(self, state: State, books: Books) -> None:
        self.state = state
        self.books = books

    async def add_rows(self, rows: Sequence[Row], transactions: Mapping[str, int]) -> None:
        """Raises AlreadyThere."""
        for row in rows:
            identity = identity_of(row)
            if identity in self.state.rows:
                raise AlreadyThere
            subject, own = row
            cost, charge, received_at_us = own[-3:]
            # Rows stay in the order in which they were added.
            newest = next((record.sequence for record in reversed(self.state.rows.values())), 0)
            event = event_of(subject.shared, own)
            self.state.rows[identity] = UsageRecord(
                sequence=newest + 1,
                event=event,
                cost_nanodollars=cost,
                charge_nanodollars=charge,
                price_id=subject.price_id,
                received_at_us=received_at_us,
                transaction=transactions[event.organization_id],
            )

    async def present(self, rows: Iterable[Row]) -> Collection[tuple[str, str]]:
        """Those that are there."""
        return {identity_of(row) for row in rows} & self.state.rows.keys()

    async def add_sums(self, minutes: Mapping[Slot, Sums]) -> None:
        """Raises RowsRefused."""
        self.state.rollups.add(minutes)

    async def kept_from(self) -> int:
        """One writer at a time."""
        return self.state.kept_from_us

    async def keep_from(self, at_us: int) -> bool:
        """Unless something is left to do."""
        unsettled = any(record.transaction is None for record in self.state.rows.values())
        if unsettled or any(day_s * _SECOND_US < at_us for day_s in self.state.rollups.pending):
            return False
        self.state.kept_from_us = max(self.state.kept_from_us, at_us)
        return True

    async def ask_anew(self, seconds: Collection[int]) -> None:
        """From the first hour on."""
        self.state.rollups.ask_anew(seconds)

    async def alone(self) -> None:
        """As every transaction here."""

    async def asked(self) -> tuple[int, int] | None:
        """The newest."""
        return self.state.rollups.asked()

    async def make_hour(self, day_s: int, hour: int, adjusted: Mapping[int, Sums], *, minutes_kept: bool) -> None:
        """With the day, once all its hours are made."""
        minutes = self._recounted(day_s + hour * SECONDS["hour"], adjusted)
        self.state.rollups.make_hour(day_s, hour, minutes, minutes_kept=minutes_kept)

    async def compare(self, hour_s: int, adjusted: Mapping[int, Sums], *, minutes_kept: bool) -> Compared:
        """Record by record."""
        return self.state.rollups.compare(hour_s, self._recounted(hour_s, adjusted), minutes_kept=minutes_kept)

    async def forget(self, grain: Grain, before_s: int, seconds: int) -> int:
        """The oldest."""
        return self.state.rollups.forget(grain, before_s, seconds)

    def _recounted(self, hour_s: int, adjusted: Mapping[int, Sums]) -> dict[Slot, Sums]:
        start_us, end_us = hour_s * _SECOND_US, (hour_s + SECONDS["hour"]) * _SECOND_US
        rows = self.state.rows.values()
        return recounted([row for row in rows if start_us <= row.event.occurred_at_us < end_us], adjusted)

    async def put_aside(self, rejections: Iterable[Rejection]) -> None:
        """One that is there already stays."""
        for one in rejections:
            self.state.rejected.setdefault(one.digest, one)


class MemoryReading:
    """The port `UsageReading`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def report(
        self, wanted: ReportFilter, group_by: Sequence[str], page: PageRequest
    ) -> tuple[Page[ReportRow], ReportRow]:
        """By going through all of them."""
        return self._state.rollups.report(wanted, group_by, page)

    async def window(
        self, organization_id: str, dimension: str, value: str, unit: str, since_s: int
    ) -> list[tuple[int, int]]:
        """By minute."""
        return self._state.rollups.window(organization_id, dimension, value, unit, since_s)

    async def pending_days(self) -> list[int]:
        """The newest first."""
        return sorted(self._state.rollups.pending, reverse=True)

    async def kept_from(self) -> int:
        """0 in the beginning."""
        return self._state.kept_from_us

    async def first_day(self) -> int | None:
        """Of all that are kept."""
        rows = self._state.rows.values()
        kept = [row.event.occurred_at_us for row in rows if row.event.occurred_at_us >= self._state.kept_from_us]
        times = [at_us // _SECOND_US for at_us in kept]
        return min((at_s - at_s % SECONDS["day"] for at_s in times), default=None)

    async def records(self, wanted: RecordFilter, after: tuple[int, int] | None, limit: int) -> list[UsageRecord]:
        """The newest first."""
        found = [record for record in self._state.rows.values() if _is_wanted(record, wanted)]
        found.sort(key=_place, reverse=True)
        return [record for record in found if after is None or _place(record) < after][:limit]

    async def newest_received_us(self) -> int | None:
        """Of the record that was added last."""
        return next((record.received_at_us for record in reversed(self._state.rows.values())), None)

    async def stored(self, source: str, event_ids: Sequence[str]) -> int:
        """How many there are."""
        return len({(source, event_id) for event_id in event_ids} & self._state.rows.keys())

    async def rejected(self) -> int:
        """How many there are."""
        return len(self._state.rejected)

    async def rejections(self, after: tuple[int, str] | None, limit: int) -> list[Rejection]:
        """The newest first."""
        found = sorted(self._state.rejected.values(), key=lambda one: (-micros(one.rejected_at), one.digest))
        if after is not None:
            found = [one for one in found if (-micros(one.rejected_at), one.digest) > (-after[0], after[1])]
        return found[:limit]


def _place(record: UsageRecord) -> tuple[int, int]:
    return record.event.occurred_at_us, record.sequence


def _is_wanted(record: UsageRecord, wanted: RecordFilter) -> bool:
    event = record.event
    return (
        event.organization_id == wanted.organization_id
        and wanted.project_id in (None, event.project_id)
        and wanted.key_id in (None, event.key_id)
        and wanted.user_id in (None, event.user_id)
        and wanted.provider_id in (None, event.provider_id)
        and wanted.model in (None, event.model)
        and wanted.outcome in (None, event.outcome)
        and wanted.event_id in (None, event.event_id)
        and wanted.contradicted in (None, CONTRADICTS in event.usage_flags)
        and (wanted.from_us is None or event.occurred_at_us >= wanted.from_us)
        and (wanted.before_us is None or event.occurred_at_us < wanted.before_us)
    )
