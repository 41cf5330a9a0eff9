"""Usage in memory: the twin of `sql` for tests. One contract suite runs on both."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headworks.kernel.pagination import Page
from headworks.usage.contracts import Figures, ReportRow, UsageRecord
from headworks.usage.domain.rows import event_of, identity_of
from headworks.usage.domain.totals import COUNTERS
from headworks.usage.ports import AlreadyThere, RowsRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence

    from headworks.kernel.pagination import PageRequest
    from headworks.usage.contracts import Dimension
    from headworks.usage.domain.rows import Row
    from headworks.usage.domain.totals import Group
    from headworks.usage.ports import Bookkeeper, Books, RecordFilter, Rejection, ReportFilter

_LARGEST = 2**63 - 1
_INPUT = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
_INPUT_MEDIA = ("input_audio_tokens", "input_image_tokens")
_OUTPUT = ("output_tokens", "reasoning_tokens", "output_audio_tokens")


@dataclass
class State:
    """A transaction works on a copy."""

    rows: dict[tuple[str, str], UsageRecord] = field(default_factory=dict)
    totals: dict[Group, tuple[int, ...]] = field(default_factory=dict)
    rejected: dict[str, Rejection] = field(default_factory=dict)


class MemoryStore:
    """The port `UsageStore`. A transaction works on a copy."""

    def __init__(self, bookkeeper: Bookkeeper) -> None:
        self.bookkeeper = bookkeeper
        self._state = State()
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
            ours = State(copy(state.rows), copy(state.totals), copy(state.rejected))
            async with self.bookkeeper.joining(ours) as books:
                unit = MemoryUnit(ours, books)
                yield unit
            self._state = unit.state
        books.committed()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[MemoryReading]:
        """Of this moment."""
        yield MemoryReading(self._state)


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
            event = event_of(subject.shared, own)
            self.state.rows[identity] = UsageRecord(
                sequence=len(self.state.rows) + 1,
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

    async def add_totals(self, sums_by_group: Mapping[Group, tuple[int, ...]]) -> None:
        """Raises RowsRefused beyond 64 bits, as a database does."""
        for group, sums in sums_by_group.items():
            before = self.state.totals.get(group, (0,) * len(COUNTERS))
            after = tuple(map(int.__add__, before, sums))
            if max(after) > _LARGEST:
                raise RowsRefused("a sum is larger than 64 bits")
            self.state.totals[group] = after

    async def put_aside(self, rejections: Iterable[Rejection]) -> None:
        """One that is there already stays."""
        for one in rejections:
            self.state.rejected.setdefault(one.digest, one)


class MemoryReading:
    """The port `UsageReading`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def report(
        self, wanted: ReportFilter, group_by: Sequence[Dimension], page: PageRequest
    ) -> tuple[Page[ReportRow], Figures]:
        """The newest day first, then by key and model."""
        sums: defaultdict[Group, list[int]] = defaultdict(lambda: [0] * len(COUNTERS))
        whole = [0] * len(COUNTERS)
        for group, counters in self._state.totals.items():
            if _matches(group, wanted):
                place = group._replace(
                    organization_id="",
                    project_id="",
                    key_id=group.key_id if "key" in group_by else "",
                    model=group.model if "model" in group_by else "",
                    day=group.day if "day" in group_by else wanted.first_day,
                )
                sums[place] = list(map(int.__add__, sums[place], counters))
                whole = list(map(int.__add__, whole, counters))
        if not group_by and not sums:
            return Page([ReportRow(None, None, None, Figures())], 1, page), Figures()
        order = sorted(sums, key=lambda group: (-group.day.toordinal(), group.key_id, group.model))
        rows = [
            ReportRow(
                key_id=group.key_id if "key" in group_by else None,
                model=group.model if "model" in group_by else None,
                day=group.day if "day" in group_by else None,
                figures=_figures(sums[group]),
            )
            for group in order
        ]
        return Page(rows[page.offset : page.offset + page.per_page], len(rows), page), _figures(whole)

    async def records(self, wanted: RecordFilter, after: tuple[int, int] | None, limit: int) -> list[UsageRecord]:
        """The newest first."""
        found = [record for record in self._state.rows.values() if _is_wanted(record, wanted)]
        found.sort(key=_place, reverse=True)
        return [record for record in found if after is None or _place(record) < after][:limit]

    async def newest_received_us(self) -> int | None:
        """Of the record that was added last."""
        return next((record.received_at_us for record in reversed(self._state.rows.values())), None)

    async def rejected(self) -> int:
        """How many there are."""
        return len(self._state.rejected)


def _place(record: UsageRecord) -> tuple[int, int]:
    return record.event.occurred_at_us, record.sequence


def _matches(group: Group, wanted: ReportFilter) -> bool:
    return (
        group.organization_id == wanted.organization_id
        and wanted.first_day <= group.day <= wanted.last_day
        and wanted.key_id in (None, group.key_id)
        and wanted.model in (None, group.model)
    )


def _is_wanted(record: UsageRecord, wanted: RecordFilter) -> bool:
    event = record.event
    return (
        event.organization_id == wanted.organization_id
        and wanted.key_id in (None, event.key_id)
        and wanted.model in (None, event.model)
        and wanted.outcome in (None, event.outcome)
        and wanted.event_id in (None, event.event_id)
        and (wanted.from_us is None or event.occurred_at_us >= wanted.from_us)
        and (wanted.before_us is None or event.occurred_at_us < wanted.before_us)
    )


def _figures(counters: Sequence[int]) -> Figures:
    by_name = dict(zip(COUNTERS, counters, strict=True))
    return Figures(
        requests=by_name["requests"],
        input_tokens=sum(by_name[name] for name in (*_INPUT, *_INPUT_MEDIA)),
        output_tokens=sum(by_name[name] for name in _OUTPUT),
        estimated_requests=by_name["estimated_requests"],
        errors=by_name["errors"],
        cost_nanodollars=by_name["cost_nanodollars"],
        unpriced_requests=by_name["unpriced_requests"],
    )
