"""What records add up to: for each group of them, for each minute, hour and day (UTC).

Everything that a report can be split by makes a group; what a report sums up are the counters.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, TypeVar

from headworks.usage.domain.rows import BUCKETS, OWN, Shared

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headworks.usage.domain.rows import Own, Row, Subject

Place = TypeVar("Place")
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

_CHARGED: Final = COUNTERS.index("charge_nanodollars")
_MINUTE_US: Final = 60_000_000
_OCCURRED_AT = OWN.index("occurred_at_us")
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


_SHARED_OF_GROUP = tuple(name for name in Group._fields if name in Shared._fields)


def group_of(shared: Shared, status: int, tags: str) -> Group:
    """Of records that have these."""
    return Group._make((*(getattr(shared, name) for name in _SHARED_OF_GROUP), status, tags))


def add_up(rows: Iterable[Row]) -> dict[Slot, Sums]:
    """Sums by minute."""
    parts: defaultdict[tuple[Subject, int, str, int], list[Own]] = defaultdict(list)
    for subject, own in rows:
        parts[subject, own[_STATUS], own[_TAGS], own[_OCCURRED_AT] // _MINUTE_US].append(own)
    minutes: dict[Slot, Sums] = {}
    for (subject, status, tags, minute), members in parts.items():
        slot = Slot(group_of(subject.shared, status, tags), minute * SECONDS["minute"])
        join(minutes, slot, _sums(subject.shared, members))
    return minutes


def join(sums: dict[Slot, Sums], slot: Slot, more: Sums) -> None:
    """Add to what is there."""
    before = sums.get(slot)
    sums[slot] = more if before is None else tuple(map(int.__add__, before, more))


def coarser(sums: Mapping[Slot, Sums], grain: Grain) -> dict[Slot, Sums]:
    """The same by hour or by day."""
    seconds = SECONDS[grain]
    found: dict[Slot, Sums] = {}
    for (group, start_s), one in sums.items():
        join(found, Slot(group, start_s - start_s % seconds), one)
    return found


def sums_of(counts: Mapping[str, int], *, outcome: str, usage_source: str) -> Sums:
    """Of records that ended alike, from how many there are, how many have no price, and what else adds up."""
    requests = counts["requests"]
    told = {
        "errors": requests if outcome in ERRORS else 0,
        "estimated_requests": requests if usage_source == "estimated" else 0,
        "partial_requests": requests if usage_source == "partial" else 0,
    }
    return tuple(told[name] if name in told else counts[name] for name in COUNTERS)


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


def _sums(shared: Shared, members: list[Own]) -> Sums:
    costs = [own[_COST] for own in members]
    charges = [own[_CHARGE] for own in members]
    counts = {
        "requests": len(members),
        "unpriced_requests": costs.count(None),
        "cost_nanodollars": sum(filter(None, costs)),
        "charge_nanodollars": sum(filter(None, charges)),
        "duration_us": sum(own[_DURATION] for own in members),
        **dict(zip(BUCKETS, map(sum, zip(*(own[_SUMMED] for own in members), strict=True)), strict=True)),
    }
    return sums_of(counts, outcome=shared.outcome, usage_source=shared.usage_source)


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
