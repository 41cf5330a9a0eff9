"""A usage event as the engine's spool would deliver it, for tests that care about a few of its fields."""

from __future__ import annotations

from typing import Any

from headworks.dataplane.events import UsageEvent
from headworks.kernel.clock import unix_ms

_PLAIN = UsageEvent(
    source="spool_1",
    event_id="req_1",
    # Lately: an event of a day that is far away is taken for one with a wrong clock.
    occurred_at_us=(unix_ms() - 60_000) * 1_000,
    duration_us=1_000,
    first_byte_us=500,
    organization_id="org_1",
    project_id="prj_1",
    key_id="key_1",
    model="gpt-4o",
    endpoint="chat/completions",
    provider_id="prv_1",
    deployment_id="dep_1",
    upstream_model="gpt-4o",
    streamed=True,
    status=200,
    outcome="success",
    usage_source="provider",
    input_tokens=10,
    cache_read_tokens=0,
    cache_write_5m_tokens=0,
    cache_write_1h_tokens=0,
    input_audio_tokens=0,
    input_image_tokens=0,
    output_tokens=5,
    reasoning_tokens=0,
    output_audio_tokens=0,
    images=0,
    milliseconds=0,
    attempts=1,
    upstream_request_id="",
    error_code="",
    usage_flags="",
)


def usage_event(number: int, **fields: Any) -> UsageEvent:  # noqa: ANN401 - a field's own type
    """The event of request `req_<number>`, of a minute ago, unless `fields` say otherwise."""
    return _PLAIN._replace(**{"event_id": f"req_{number}", **fields})
