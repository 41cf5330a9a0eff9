"""The stored form of an event, in two parts: what very many events share, and what each has of its own.

The first part is stored once and pointed at, which makes a record a quarter of its size and as much cheaper to write.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from headworks.dataplane.events import UsageEvent

_FIELDS = UsageEvent._fields
BUCKETS = _FIELDS[_FIELDS.index("input_tokens") : _FIELDS.index("milliseconds") + 1]
"""What usage is priced by, in the order of `catalog.contracts.Rates`."""


class Shared(NamedTuple):
    """Fields of an event that others have too."""

    source: str
    organization_id: str
    project_id: str
    key_id: str
    model: str
    endpoint: str
    provider_id: str
    deployment_id: str
    upstream_model: str
    outcome: str
    usage_source: str
    user_id: str
    budgets: str


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """What a record points at. Within a batch equal ones are one object, so they are told apart by identity, fast."""

    shared: Shared
    price_id: str | None
    """The price that it was rated by."""


OWN = (
    "event_id",
    "upstream_request_id",
    "error_code",
    "usage_flags",
    "streamed",
    "tags",
    "first_byte_us",
    "drawn_nanodollars",
    "occurred_at_us",
    "duration_us",
    "status",
    "attempts",
    *BUCKETS,
)
"""Fields that each event has of its own: texts first, then counts from `occurred_at_us` on."""
ADDED = ("cost_nanodollars", "charge_nanodollars", "received_at_us")
"""What we add to them."""

Own: TypeAlias = tuple[Any, ...]
"""In the order of OWN, of the types that `UsageEvent` says."""
Row: TypeAlias = tuple[Subject, Own]
"""The second part in the order of OWN, then ADDED."""


def identity_of(row: Row) -> tuple[str, str]:
    """What no two records share: (source, event_id)."""
    subject, own = row
    return subject.shared.source, own[0]


def event_of(shared: Shared, own: Own) -> UsageEvent:
    """The event that a record was made from."""
    return UsageEvent(**shared._asdict(), **dict(zip(OWN, own, strict=False)))
