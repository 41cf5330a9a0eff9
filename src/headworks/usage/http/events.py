"""Single requests."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request
from pydantic import Field

from headworks.dataplane.events import Outcome
from headworks.kernel.moments import micros, moment
from headworks.kernel.money import Nanodollars, format_usd
from headworks.kernel.pagination import MOST_PER_PAGE, PER_PAGE
from headworks.kernel.principal import Principal
from headworks.kernel.web import (
    CursorEnvelope,
    ResponseModel,
    Router,
    StrictModel,
    Timestamp,
    cursor_envelope,
    provided,
    require,
)
from headworks.ledger.contracts import Adjustment
from headworks.usage import queries
from headworks.usage.contracts import UsageRecord
from headworks.usage.domain.remarks import delivered_tokens
from headworks.usage.domain.rollups import tags_of
from headworks.usage.ports import RecordFilter, UsageStore

router = Router()

_Store = Annotated[UsageStore, provided(UsageStore)]
_Reader = Annotated[Principal, require("usage:read")]


class UsageEventOut(ResponseModel):
    """One request. Its token buckets do not overlap; their sum is the provider's total."""

    event_id: str
    """The `x-request-id` that the caller got."""
    source: str
    """The spool that wrote it down first."""
    occurred_at: Timestamp
    duration_us: int
    first_byte_us: int | None
    project_id: str
    key_id: str
    model: str
    endpoint: str
    provider_id: str
    deployment_id: str
    upstream_model: str
    streamed: bool
    status: int
    outcome: str
    usage_source: str
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
    attempts: int
    upstream_request_id: str
    error_code: str
    usage_flags: str
    delivered_tokens: int | None
    """Tokens of output as we count them, where the provider's count, which is charged, cannot be true of what it delivered; else null."""
    user_id: str
    """Whose key it was; empty where the key belongs to no user."""
    tags: dict[str, str]
    """What the caller labelled the request with."""
    cost_nanodollars: int | None
    """By the price that counts now; null where nobody set one."""
    cost_usd: str | None
    charge_nanodollars: int | None
    """What your organisation pays: the cost with its mark-up. Null as above."""
    charge_usd: str | None
    price_id: str | None
    stored_cost_nanodollars: int | None
    """By the price that counted when it was stored."""
    re_rating_id: str | None
    """The re-rating that made it another; null where none did."""
    transaction: int | None
    """Of the ledger, which settled it."""


class RecordsScope(StrictModel):
    """Which requests."""

    since: Timestamp | None = Field(None, alias="from", description="From this time on.")
    before: Timestamp | None = Field(None, alias="to", description="Before this time.")
    project_id: str | None = Field(None, max_length=128)
    key_id: str | None = Field(None, max_length=128, description="Only of this key.")
    user_id: str | None = Field(None, max_length=128, description="Only of this user's keys.")
    model: str | None = Field(None, max_length=256)
    provider_id: str | None = Field(None, max_length=128)
    outcome: Outcome | None = None
    event_id: str | None = Field(None, max_length=128, description="One `x-request-id`.")
    contradicted: bool | None = Field(
        None, description="Whether the provider's count of output contradicts what it delivered."
    )

    def wanted(self, caller: Principal) -> RecordFilter:
        """In the caller's organisation."""
        return RecordFilter(
            organization_id=caller.organization_id,
            from_us=_microseconds(self.since),
            before_us=_microseconds(self.before),
            project_id=self.project_id,
            key_id=self.key_id,
            user_id=self.user_id,
            model=self.model,
            provider_id=self.provider_id,
            outcome=self.outcome,
            event_id=self.event_id,
            contradicted=self.contradicted,
        )


class RecordsQuery(RecordsScope):
    """Which requests to list."""

    cursor: str | None = Field(None, max_length=1024, description="From `links.next`.")
    per_page: int = Field(PER_PAGE, ge=1, le=MOST_PER_PAGE)


@router.get("/usage-events")
async def list_usage_events(
    request: Request, principal: _Reader, store: _Store, query: Annotated[RecordsQuery, Query()]
) -> CursorEnvelope[UsageEventOut]:
    """Single requests, the newest first."""
    wanted = query.wanted(principal)
    async with store.read(wanted.organization_id) as reading:
        await queries.must_be_kept(reading, wanted)
        found = await queries.records(reading, wanted, query.cursor, query.per_page)
    numbers = [record.sequence for record in found.items]
    adjusted = await store.bookkeeper.adjustments(principal.organization_id, numbers)
    return cursor_envelope(found.map(lambda record: event_out(record, adjusted.get(record.sequence))), request)


def _microseconds(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def event_out(record: UsageRecord, adjusted: Adjustment | None) -> UsageEventOut:
    """As answers show it: what it comes to since it was last rated anew."""
    cost, charge, price_id = record.cost_nanodollars, record.charge_nanodollars, record.price_id
    if adjusted is not None:
        cost, charge, price_id = adjusted.cost_after, adjusted.charge_after, adjusted.price_id
    return UsageEventOut(
        **{**record.event._asdict(), "tags": tags_of(record.event.tags)},
        delivered_tokens=delivered_tokens(record.event.usage_flags),
        occurred_at=moment(record.event.occurred_at_us),
        cost_nanodollars=cost,
        cost_usd=None if cost is None else format_usd(Nanodollars(cost)),
        charge_nanodollars=charge,
        charge_usd=None if charge is None else format_usd(Nanodollars(charge)),
        price_id=price_id,
        stored_cost_nanodollars=record.cost_nanodollars,
        re_rating_id=None if adjusted is None else adjusted.re_rating_id,
        transaction=record.transaction,
    )
