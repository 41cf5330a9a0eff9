"""Roll-ups in memory: the twin of `sql/rollups.py` and `sql/reporting.py`."""

from __future__ import annotations

from collections import defaultdict
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from headworks.kernel.pagination import Page
from headworks.kernel.sorting import in_order
from headworks.usage.contracts import ReportRow
from headworks.usage.domain.admission import TagSets, by_month, told_apart
from headworks.usage.domain.dimensions import TAG, TEXTS, TIMES
from headworks.usage.domain.figures import WINDOW, figures_of
from headworks.usage.domain.rollups import (
    COUNTERS,
    GRAINS,
    LAST_HOUR,
    NOTHING,
    SECONDS,
    Compared,
    Slot,
    coarser,
    group_of,
    join,
    sums_of,
    tags_of,
)
from headworks.usage.domain.rows import BUCKETS, Shared
from headworks.usage.ports import RowsRefused
from headworks.usage.settings import TAG_VALUES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from headworks.dataplane.events import UsageEvent
    from headworks.kernel.pagination import PageRequest
    from headworks.usage.contracts import UsageRecord
    from headworks.usage.domain.admission import Month
    from headworks.usage.domain.rollups import Grain, Group, Sums
    from headworks.usage.ports import ReportFilter

_LARGEST: Final = 2**63 - 1
_SECOND_US: Final = 1_000_000
_LAST: Final = "\U0010ffff"
"""Sorts behind every name of a tag's value that there is."""


def _empty() -> dict[Grain, dict[Slot, Sums]]:
    return {grain: {} for grain in GRAINS}


@dataclass
class MemoryRollups:
    """Sums by grain and slot."""

    sums: dict[Grain, dict[Slot, Sums]] = field(default_factory=_empty)
    pending: dict[int, int] = field(default_factory=dict)
    """The next hour, by day."""
    tags: dict[Month, TagSets] = field(default_factory=dict)
    """What is told apart; they are replaced, not changed."""
    tag_values: int = TAG_VALUES

    def copied(self) -> MemoryRollups:
        """For a transaction."""
        sums = {grain: copy(sums) for grain, sums in self.sums.items()}
        return MemoryRollups(sums, copy(self.pending), copy(self.tags), self.tag_values)

    def add(self, minutes: Mapping[Slot, Sums]) -> None:
        """Raises RowsRefused beyond 64 bits, as a database does."""
        minutes = self._told_apart(minutes)
        for grain in GRAINS:
            for slot, more in _coarser(minutes, grain).items():
                join(self.sums[grain], slot, more)
                if max(self.sums[grain][slot]) > _LARGEST:
                    raise RowsRefused("a sum is larger than 64 bits")

    def ask_anew(self, seconds: Collection[int]) -> None:
        """From the first hour on."""
        self.pending.update({at_s - at_s % SECONDS["day"]: 0 for at_s in seconds})

    def asked(self) -> tuple[int, int] | None:
        """The newest."""
        return max(self.pending.items(), default=None)

    def make_hour(self, day_s: int, hour: int, minutes: Mapping[Slot, Sums], *, minutes_kept: bool) -> None:
        """With the day, once all its hours are made."""
        minutes = self._told_apart(minutes)
        start_s = day_s + hour * SECONDS["hour"]
        for grain in GRAINS[:2]:
            self._drop(grain, start_s, SECONDS["hour"])
        if minutes_kept:
            self.sums["minute"].update(minutes)
        self.sums["hour"].update(_coarser(minutes, "hour"))
        self.pending[day_s] = hour + 1
        if hour == LAST_HOUR:
            self._drop("day", day_s, SECONDS["day"])
            self.sums["day"].update(self._day(day_s))
            del self.pending[day_s]

    def compare(self, hour_s: int, minutes: Mapping[Slot, Sums], *, minutes_kept: bool) -> Compared:
        """Minutes, hours, and the day by its hours."""
        minutes = self._told_apart(minutes)
        day_s = hour_s - hour_s % SECONDS["day"]
        compared = Compared.between(self._of("hour", hour_s, SECONDS["hour"]), _coarser(minutes, "hour"))
        compared += Compared.between(self._of("day", day_s, SECONDS["day"]), self._day(day_s))
        if minutes_kept:
            compared += Compared.between(self._of("minute", hour_s, SECONDS["hour"]), minutes)
        return compared

    def forget(self, grain: Grain, before_s: int, seconds: int) -> int:
        """The oldest."""
        sums = self.sums[grain]
        oldest = min((slot.start_s for slot in sums), default=before_s)
        old = [slot for slot in sums if slot.start_s < min(before_s, oldest + seconds)]
        for slot in old:
            del sums[slot]
        return len(old)

    def report(
        self, wanted: ReportFilter, group_by: Sequence[str], page: PageRequest
    ) -> tuple[Page[ReportRow], ReportRow]:
        """By going through all of them."""
        now: defaultdict[tuple[Any, ...], Sums] = defaultdict(lambda: NOTHING)
        before: defaultdict[tuple[Any, ...], Sums] = defaultdict(lambda: NOTHING)
        compares = wanted.previous_from_s is not None
        first = wanted.from_s if wanted.previous_from_s is None else wanted.previous_from_s
        for slot, sums in self.sums[wanted.grain].items():
            if first <= slot.start_s < wanted.until_s and _matches(slot.group, wanted):
                place = tuple(_value(slot, dimension, wanted) for dimension in group_by)
                this, other = (now, before) if slot.start_s >= wanted.from_s else (before, now)
                this[place] = tuple(map(int.__add__, this[place], sums))
                other[place] = other[place]
        if not group_by:
            now[()] = now[()]
        rows = [
            ReportRow(place, figures_of(sums), figures_of(before[place]) if compares else None)
            for place, sums in now.items()
        ]
        rows.sort(key=lambda row: _texts(row, group_by))
        times = [number for number, name in enumerate(group_by) if name in TIMES]
        rows.sort(key=lambda row: tuple(int(row.values[number] or 0) for number in times), reverse=True)
        rows = in_order(rows, page.sort, lambda row, name: getattr(row.figures, name))
        all_before = figures_of(_total(before.values())) if compares else None
        whole = ReportRow((), figures_of(_total(now.values())), all_before)
        return Page(rows[page.offset : page.offset + page.per_page], len(rows), page), whole

    def window(
        self, organization_id: str, dimension: str, value: str, unit: str, since_s: int
    ) -> list[tuple[int, int]]:
        """By minute."""
        places = [COUNTERS.index(name) for name in WINDOW[unit]]
        found: defaultdict[int, int] = defaultdict(int)
        for (group, start_s), sums in self.sums["minute"].items():
            mine = group.organization_id == organization_id and getattr(group, TEXTS[dimension]) == value
            if mine and start_s >= since_s - since_s % SECONDS["minute"]:
                found[start_s] += sum(sums[place] for place in places)
        return sorted(found.items())

    def _told_apart(self, minutes: Mapping[Slot, Sums]) -> Mapping[Slot, Sums]:
        instead: dict[Month, Mapping[str, str]] = {}
        for month, wanted in by_month(minutes).items():
            found = self.tags.get(month) or TagSets(self.tag_values)
            if found.instead(wanted) is None:
                found = self.tags[month] = found.copied()
                found.admit(sorted(wanted))
            instead[month] = found.instead(wanted) or {}
        return told_apart(minutes, instead)

    def _of(self, grain: Grain, start_s: int, seconds: int) -> dict[Slot, Sums]:
        sums = self.sums[grain]
        return {slot: one for slot, one in sums.items() if start_s <= slot.start_s < start_s + seconds}

    def _day(self, day_s: int) -> dict[Slot, Sums]:
        return _coarser(self._of("hour", day_s, SECONDS["day"]), "day")

    def _drop(self, grain: Grain, start_s: int, seconds: int) -> None:
        for slot in self._of(grain, start_s, seconds):
            del self.sums[grain][slot]


def slot_of(event: UsageEvent) -> Slot:
    """Its minute."""
    at_s = event.occurred_at_us // _SECOND_US
    shared = Shared(*(getattr(event, name) for name in Shared._fields))
    return Slot(group_of(shared, event.status, event.tags), at_s - at_s % SECONDS["minute"])


def recounted(records: Iterable[UsageRecord], adjusted: Mapping[int, Sums]) -> dict[Slot, Sums]:
    """Sums by minute, record by record."""
    sums: dict[Slot, Sums] = {}
    for record in records:
        event = record.event
        buckets = (getattr(event, bucket) for bucket in BUCKETS)
        one = sums_of(
            1,
            int(record.cost_nanodollars is None),
            (record.cost_nanodollars or 0, record.charge_nanodollars or 0, event.duration_us, *buckets),
            outcome=event.outcome,
            usage_source=event.usage_source,
        )
        join(sums, slot_of(event), one)
        if record.sequence in adjusted:
            join(sums, slot_of(event), adjusted[record.sequence])
    return sums


def _coarser(sums: Mapping[Slot, Sums], grain: Grain) -> dict[Slot, Sums]:
    return {Slot(group, start_s): one for (group, start_s), one in coarser(sums.items(), grain).items()}


def _total(sums: Iterable[Sums]) -> Sums:
    return tuple(map(sum, zip(NOTHING, *sums, strict=True)))


def _texts(row: ReportRow, group_by: Sequence[str]) -> tuple[object, ...]:
    values = [value for value, name in zip(row.values, group_by, strict=True) if name not in TIMES]
    return tuple(_LAST if value is None else value for value in values)


def _value(slot: Slot, dimension: str, wanted: ReportFilter) -> str | int | None:
    group, start_s = slot
    if dimension in TEXTS:
        value: str | int = getattr(group, TEXTS[dimension])
        return value
    if dimension.startswith(TAG):
        return tags_of(group.tags).get(dimension.removeprefix(TAG))
    if dimension == "day":
        start_s += [ahead for at, ahead in wanted.offsets if at <= start_s or at == wanted.offsets[0][0]][-1]
    return start_s - start_s % SECONDS[dimension]  # type: ignore[index]


def _matches(group: Group, wanted: ReportFilter) -> bool:
    return (
        wanted.organization_id in (None, group.organization_id)
        and all(getattr(group, TEXTS[dimension]) == value for dimension, value in wanted.equal)
        and all(tags_of(group.tags).get(name) == value for name, value in wanted.tags)
    )
