"""What records add up to: for each group of them, for each minute, hour and day (UTC).

Everything that a report can be split by makes a group; what a report sums up are the counters.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, TypeVar

from headworks.usage.domain.rows import BUCKETS, OWN, Shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from headworks.usage.domain.rows import Own, Row, Subject

Place = TypeVar("Place")
Grouped = TypeVar("Grouped")
Grain = Literal["minute", "hour", "day"]
SECONDS: Final[dict[Grain, int]] = {"minute": 60, "hour": 3_600, "day": 86_400}
"""How long each lasts, the finest first."""
GRAINS: Final[tuple[Grain, ...]] = ("minute", "hour", "day")

LAST_HOUR: Final = 23
"""Of a day, counted from 0."""

COUNTERS: Final = (
    "requests",
    "errors",
    "estimated_requests",
    "partial_requests",
    "unpriced_requests",
    "cost_nanodollars",
    "charge_nanodollars",
    "duration_us",
    *BUCKETS,
)
Sums: TypeAlias = tuple[int, ...]
"""In the order of COUNTERS."""
NOTHING: Final[Sums] = (0,) * len(COUNTERS)

ERRORS: Final = frozenset({"upstream_error", "truncated", "interrupted", "gateway_error"})
"""Outcomes that count as errors. A client that left is none."""
LONGEST_TAG_NAME: Final = 64
"""Characters. What is longer is kept with the record, and reports cannot be split by it."""

_REQUESTS: Final = COUNTERS.index("requests")
_COSTS: Final = COUNTERS.index("cost_nanodollars")
_CHARGED: Final = COUNTERS.index("charge_nanodollars")
ADDED_UP: Final = COUNTERS[_COSTS:]
"""Counters that add up what each record has; those before them count records."""
_MINUTE_US: Final = 60_000_000
_OCCURRED_AT = OWN.index("occurred_at_us")
_DRAWN = OWN.index("drawn_nanodollars")
_DURATION = OWN.index("duration_us")
_STATUS = OWN.index("status")
_TAGS = OWN.index("tags")
_SUMMED = slice(OWN.index(BUCKETS[0]), OWN.index(BUCKETS[-1]) + 1)
_COST, _CHARGE = len(OWN), len(OWN) + 1


class Group(NamedTuple):
    """What a roll-up is of."""

    organization_id: str
    project_id: str
    key_id: str
    user_id: str
    model: str
    provider_id: str
    deployment_id: str
    upstream_model: str
    endpoint: str
    outcome: str
    status: int
    tags: str
    """As the event has them: a JSON object of strings, or ""."""


class Slot(NamedTuple):
    """One group's minute, hour or day."""

    group: Group
    start_s: int
    """Its first second, since 1970."""


_group_fields: Callable[[Shared], tuple[str, ...]] = attrgetter(*(n for n in Group._fields if n in Shared._fields))


def group_of(shared: Shared, status: int, tags: str) -> Group:
    """Of records that have these."""
    return Group._make((*_group_fields(shared), status, tags))


class Part(NamedTuple):
    """Those records of a batch that are of one subject and slot."""

    subject: Subject
    slot: Slot
    sums: Sums
    drawn: int
    """Nanodollars, off the holds on each of the subject's budgets."""
    last_us: int
    """When the last of them began."""

    @property
    def records(self) -> int:
        """How many they are."""
        return self.sums[_REQUESTS]

    @property
    def cost(self) -> int:
        """Nanodollars, of those that have a price."""
        return self.sums[_COSTS]

    @property
    def charge(self) -> int:
        """As `cost`."""
        return self.sums[_CHARGED]


def parts_of(rows: Iterable[Row]) -> list[Part]:
    """What all else that is done for a batch goes by: the usual one has few."""
    alike: defaultdict[tuple[Subject, int, str, int], list[Own]] = defaultdict(list)
    for subject, own in rows:
        alike[subject, own[_STATUS], own[_TAGS], own[_OCCURRED_AT] // _MINUTE_US].append(own)
    return [
        _part(subject, Slot(group_of(subject.shared, status, tags), minute * SECONDS["minute"]), members)
        for (subject, status, tags, minute), members in alike.items()
    ]


def add_up(parts: Iterable[Part]) -> dict[Slot, Sums]:
    """Sums by minute."""
    minutes: dict[Slot, Sums] = {}
    for part in parts:
        join(minutes, part.slot, part.sums)
    return minutes


def join(sums: dict[Place, Sums], place: Place, more: Sums) -> None:
    """Add to what is there."""
    before = sums.get(place)
    sums[place] = more if before is None else tuple(map(int.__add__, before, more))


def coarser(sums: Iterable[tuple[tuple[Grouped, int], Sums]], grain: Grain) -> dict[tuple[Grouped, int], Sums]:
    """The same by hour or by day, of groups or of their numbers."""
    seconds = SECONDS[grain]
    found: dict[tuple[Grouped, int], Sums] = {}
    for (group, start_s), one in sums:
        join(found, (group, start_s - start_s % seconds), one)
    return found


def sums_of(requests: int, unpriced: int, added_up: Iterable[int], *, outcome: str, usage_source: str) -> Sums:
    """Of records that ended alike; `added_up` in the order of ADDED_UP."""
    errors = requests if outcome in ERRORS else 0
    estimated = requests if usage_source == "estimated" else 0
    partial = requests if usage_source == "partial" else 0
    return (requests, errors, estimated, partial, unpriced, *added_up)


def changed(cost: int, charge: int, unpriced: int) -> Sums:
    """What a re-rating adds to one record's sums."""
    counts = {"cost_nanodollars": cost, "charge_nanodollars": charge, "unpriced_requests": unpriced}
    return tuple(counts.get(name, 0) for name in COUNTERS)


def tags_of(text: str) -> dict[str, str]:
    """An event's tags, without what does not print: databases refuse some of it, and consoles should not show it."""
    if not text:
        return {}
    tags = {_printable(name): _printable(value) for name, value in json.loads(text).items()}
    return {name: value for name, value in tags.items() if len(name) <= LONGEST_TAG_NAME}


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _part(subject: Subject, slot: Slot, members: list[Own]) -> Part:
    columns = list(zip(*members, strict=True))
    costs, charges = columns[_COST], columns[_CHARGE]
    priced = (filter(None, costs), filter(None, charges))
    sums = sums_of(
        len(members),
        costs.count(None),
        map(sum, (*priced, columns[_DURATION], *columns[_SUMMED])),
        outcome=subject.shared.outcome,
        usage_source=subject.shared.usage_source,
    )
    return Part(subject, slot, sums, sum(columns[_DRAWN]), max(columns[_OCCURRED_AT]))


@dataclass(frozen=True, slots=True)
class Compared:
    """Roll-ups beside what the records say."""

    sums: int
    """How many were looked at."""
    wrong: int
    """How many of them are another number than they should be."""
    nanodollars: int
    """By how much the wrong ones among the charges are off, all together."""

    @classmethod
    def between(cls, found: Mapping[Place, Sums], wanted: Mapping[Place, Sums]) -> Compared:
        """What is nowhere counts as zeros."""
        sums = wrong = nanodollars = 0
        for place in found.keys() | wanted.keys():
            one, other = found.get(place, NOTHING), wanted.get(place, NOTHING)
            sums += len(COUNTERS)
            wrong += sum(map(int.__ne__, one, other))
            nanodollars += abs(one[_CHARGED] - other[_CHARGED])
        return cls(sums, wrong, nanodollars)

    def __add__(self, other: Compared) -> Compared:
        return Compared(self.sums + other.sums, self.wrong + other.wrong, self.nanodollars + other.nanodollars)
