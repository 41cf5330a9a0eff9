from __future__ import annotations

from datetime import UTC, datetime

import pytest

from headworks.kernel.bus import Message
from headworks.kernel.bus.message import LONGEST_BODY
from headworks.kernel.errors import Invalid

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "usage.recorded"),
        ("type", "usage.v1"[:5]),
        ("type", "Usage.recorded.v1"),
        ("type", "usage.recorded.v0"),
        ("type", "usage.recorded.v1\n"),
        ("type", "usage.#.v1"),
        ("type", "usage." + "r" * 200 + ".v1"),
        ("id", ""),
        ("id", "x" * 201),
        ("id", "☃" * 67),
        ("subject", "x" * 201),
        ("organization_id", "x" * 201),
        ("content_type", "x" * 201),
        ("body", b"x" * (LONGEST_BODY + 1)),
        ("occurred_at", NOON.replace(tzinfo=None)),
    ],
)
def test_what_no_bus_could_carry_is_refused_by_name(field: str, value: object) -> None:
    good: dict[str, object] = {"id": "evt_1", "type": "usage.recorded.v1", "body": b"", "occurred_at": NOON}
    Message(**good)  # type: ignore[arg-type]
    with pytest.raises(Invalid) as refused:
        Message(**good | {field: value})  # type: ignore[arg-type]
    assert [one.field for one in refused.value.details] == [field]
