"""The usage event: what the engine's spool hands to the usage context, one for each request that was served.

The order of the fields is the contract with `engine/src/python/records.rs`.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Outcome = Literal["success", "upstream_error", "truncated", "cancelled", "interrupted", "gateway_error"]
"""
success: the terminal event or the whole body was seen; upstream_error: the upstream refused or could not be reached;
truncated: it ended without a terminal event; cancelled: the client left; interrupted: we were killed meanwhile;
gateway_error: our own fault or our own limit.
"""

UsageSource = Literal["provider", "partial", "estimated", "none"]
"""provider: measured by the upstream; partial: measured, but cut short; estimated: ours; none: nothing was used."""


class UsageEvent(NamedTuple):
    """One request. Token buckets are disjoint, and their sum is the provider's total. Times are UTC microseconds."""

    source: str
    """The spool that wrote it. (source, event_id) is unique for ever."""
    event_id: str
    """The request id that the caller got."""
    occurred_at_us: int
    duration_us: int
    first_byte_us: int | None
    organization_id: str
    project_id: str
    key_id: str
    model: str
    endpoint: str
    provider_id: str
    deployment_id: str
    upstream_model: str
    streamed: bool
    status: int
    outcome: Outcome
    usage_source: UsageSource
    input_tokens: int
    cache_read_tokens: int
    cache_write_5m_tokens: int
    cache_write_1h_tokens: int
    input_audio_tokens: int
    input_image_tokens: int
    output_tokens: int
    reasoning_tokens: int
    output_audio_tokens: int
    images: int
    milliseconds: int
    """Of audio, where the upstream bills by time."""
    attempts: int
    upstream_request_id: str
    error_code: str
    usage_flags: str
    """Comma-separated remarks on the usage block, such as `contradiction`, `negative`, and `counted:…` where the tokens were counted
    without one: by a tokenizer (`counted:o200k`), by what the deployment has taught (`counted:calibrated`), by bytes
    (`counted:bytes`). `contradicts:400`, followed by a `counted:…`: we count 400 tokens of output, and the provider's count, which stands
    in the buckets, cannot be true of them. Empty when there is none."""
    user_id: str = ""
    """Whose key it was; empty where the key belongs to no user."""
    tags: str = ""
    """What the caller labelled the request with: a JSON object of strings, sorted, at most LONGEST_TAGS; "" for none."""
    drawn_nanodollars: int = 0
    """What the request drew from the hold on each of its budgets: the charge as the engine computed it."""
    budgets: str = ""
    """The budgets that it drew from, `bud_a@<period_start_us>,bud_b@…#<life>`, where the life says whose holds they are
    (`dataplane.flow.life_of`); empty where it had none."""


FIRST_FIELDS: Final = UsageEvent._fields.index("user_id")
"""How many fields an event had at first: one that an older gateway wrote ends there."""
LONGEST_TAGS: Final = 1024
"""Bytes of UTF-8."""
