"""What rows add up to, for each organisation, project, key, model and day (UTC)."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from headworks.usage.domain.rows import BUCKETS, OWN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headworks.usage.domain.rows import Own, Row, Subject

_DAY_US = 86_400_000_000
_EPOCH = date(1970, 1, 1)
_ERRORS = frozenset({"upstream_error", "truncated", "interrupted", "gateway_error"})

_OCCURRED_AT = OWN.index("occurred_at_us")
_SUMMED = slice(OWN.index(BUCKETS[0]), OWN.index(BUCKETS[-1]) + 1)
_COST = len(OWN)

COUNTERS = ("requests", "errors", "estimated_requests", "unpriced_requests", "cost_nanodollars", *BUCKETS)


class Group(NamedTuple):
    """What a total is of."""

    organization_id: str
    project_id: str
    key_id: str
    model: str
    day: date


def add_up(rows: Iterable[Row]) -> dict[Group, tuple[int, ...]]:
    """Sums by group, in the order of COUNTERS."""
    parts: defaultdict[tuple[Subject, int], list[Own]] = defaultdict(list)
    for subject, own in rows:
        parts[subject, own[_OCCURRED_AT] // _DAY_US].append(own)
    totals: dict[Group, tuple[int, ...]] = {}
    for (subject, day), members in parts.items():
        shared = subject.shared
        group = Group(
            shared.organization_id, shared.project_id, shared.key_id, shared.model, _EPOCH + timedelta(days=day)
        )
        sums = _sums(subject, members)
        before = totals.get(group)
        totals[group] = sums if before is None else tuple(map(int.__add__, before, sums))
    return totals


def _sums(subject: Subject, members: list[Own]) -> tuple[int, ...]:
    count = len(members)
    costs = [own[_COST] for own in members]
    return (
        count,
        count if subject.shared.outcome in _ERRORS else 0,
        count if subject.shared.usage_source == "estimated" else 0,
        costs.count(None),
        sum(filter(None, costs)),
        *map(sum, zip(*(own[_SUMMED] for own in members), strict=True)),
    )
