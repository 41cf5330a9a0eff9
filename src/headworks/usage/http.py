"""Usage over HTTP: figures by key, model and day, and single requests. Days are UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import Query, Request
from pydantic import Field

from headworks.dataplane.events import Outcome
from headworks.kernel.clock import now
from headworks.kernel.errors import Invalid
from headworks.kernel.money import Nanodollars, format_usd
from headworks.kernel.pagination import MOST_PER_PAGE, PER_PAGE, PageRequest
from headworks.kernel.principal import Principal
from headworks.kernel.web import (
    CursorEnvelope,
    Day,
    ResponseModel,
    Router,
    StrictModel,
    Timestamp,
    cursor_envelope,
    page_envelope,
    provided,
    require,
)
from headworks.kernel.web.envelope import Links, PageMeta
from headworks.ledger.contracts import Adjustment
from headworks.usage import queries
from headworks.usage.contracts import Dimension, Figures, ReportRow, UsageRecord
from headworks.usage.ports import KeyNames, RecordFilter, ReportFilter, UsageStore

router = Router("/api/v1", tags=["usage"])

_Store = Annotated[UsageStore, provided(UsageStore)]
_KeyNames = Annotated[KeyNames, provided(KeyNames)]
_Reader = Annotated[Principal, require("usage:read")]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DIMENSIONS: tuple[Dimension, ...] = ("key", "model", "day")


class FiguresOut(ResponseModel):
    """Sums over some requests."""

    requests: int
    input_tokens: int
    """All input: cached, written to a cache, audio and images too."""
    output_tokens: int
    """All output: reasoning and audio too."""
    estimated_requests: int
    """Whose tokens were estimated, because the provider did not say."""
    errors: int
    cost_nanodollars: int
    """Of the requests that have a price; a dollar is 1000000000."""
    cost_usd: str
    """The same, exactly, in dollars."""
    unpriced_requests: int
    """That used something for which there is no price; their cost is not known."""


class GroupOut(ResponseModel):
    """What figures are of; null where the report is not split by that."""

    key_id: str | None
    key_name: str | None
    model: str | None
    day: date | None


class UsageRow(FiguresOut, GroupOut):
    """Figures of one group."""


class UsageReport(ResponseModel):
    """Figures by group, and their sums."""

    rows: list[UsageRow]
    totals: FiguresOut
    """Of all rows, on every page."""
    group_by: list[Dimension]
    first_day: date
    last_day: date
    as_of: Timestamp | None
    """When the newest record was stored: what ended later is not in these figures yet."""


class UsageReportEnvelope(ResponseModel):
    """A report, and which page of its rows this is."""

    data: UsageReport
    meta: PageMeta
    links: Links


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


class ReportQuery(StrictModel):
    """What to report."""

    group_by: str = Field(
        "key,model,day",
        max_length=64,
        description="`key`, `model`, `day`, with commas between.",
        json_schema_extra={"pattern": "^(key|model|day)?(,(key|model|day)?)*$"},
    )
    first_day: Day | None = Field(None, alias="from", description="First day (UTC); thirty days when left out.")
    last_day: Day | None = Field(None, alias="to", description="Last day (UTC), included; today when left out.")
    key_id: str | None = Field(None, max_length=128, description="Only of this key.")
    model: str | None = Field(None, max_length=256)
    page: int = Field(1, ge=1, le=1_000_000)
    per_page: int = Field(200, ge=1, le=1000)


class RecordsQuery(StrictModel):
    """Which requests to list."""

    since: Timestamp | None = Field(None, alias="from", description="From this time on.")
    before: Timestamp | None = Field(None, alias="to", description="Before this time.")
    key_id: str | None = Field(None, max_length=128, description="Only of this key.")
    model: str | None = Field(None, max_length=256)
    outcome: Outcome | None = None
    event_id: str | None = Field(None, max_length=128, description="One `x-request-id`.")
    cursor: str | None = Field(None, max_length=1024, description="From `links.next`.")
    per_page: int = Field(PER_PAGE, ge=1, le=MOST_PER_PAGE)


@router.get("/usage")
async def show_usage(
    request: Request, principal: _Reader, store: _Store, names: _KeyNames, query: Annotated[ReportQuery, Query()]
) -> UsageReportEnvelope:
    """Requests, tokens and cost by group, the newest day first."""
    dimensions = _dimensions(query.group_by)
    begin, until = queries.period(query.first_day, query.last_day, now().date())
    wanted = ReportFilter(principal.organization_id, begin, until, query.key_id, query.model)
    async with store.read() as reading:
        report = await queries.report(reading, names, wanted, dimensions, PageRequest(query.page, query.per_page))
    paged = page_envelope(report.rows.map(lambda row: _row(row, report.key_names)), request)
    data = UsageReport(
        rows=paged.data,
        totals=_figures(report.totals),
        group_by=list(dimensions),
        first_day=begin,
        last_day=until,
        as_of=report.as_of,
    )
    return UsageReportEnvelope(data=data, meta=paged.meta, links=paged.links)


@router.get("/usage-events")
async def list_usage_events(
    request: Request, principal: _Reader, store: _Store, query: Annotated[RecordsQuery, Query()]
) -> CursorEnvelope[UsageEventOut]:
    """Single requests, the newest first."""
    wanted = RecordFilter(
        organization_id=principal.organization_id,
        from_us=_microseconds(query.since),
        before_us=_microseconds(query.before),
        key_id=query.key_id,
        model=query.model,
        outcome=query.outcome,
        event_id=query.event_id,
    )
    async with store.read() as reading:
        found = await queries.records(reading, wanted, query.cursor, query.per_page)
    numbers = [record.sequence for record in found.items]
    adjusted = await store.bookkeeper.adjustments(principal.organization_id, numbers)
    return cursor_envelope(found.map(lambda record: _event(record, adjusted.get(record.sequence))), request)


def _dimensions(text: str) -> tuple[Dimension, ...]:
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [part for part in wanted if part not in _DIMENSIONS]
    if unknown:
        raise Invalid.field(
            "query.group_by", "unknown", f"does not know {unknown[0]!r}; there are {', '.join(_DIMENSIONS)}"
        )
    return tuple(dimension for dimension in _DIMENSIONS if dimension in wanted)


def _microseconds(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // _MICROSECOND


def _figures(figures: Figures) -> FiguresOut:
    return FiguresOut(
        requests=figures.requests,
        input_tokens=figures.input_tokens,
        output_tokens=figures.output_tokens,
        estimated_requests=figures.estimated_requests,
        errors=figures.errors,
        cost_nanodollars=figures.cost_nanodollars,
        cost_usd=format_usd(Nanodollars(figures.cost_nanodollars)),
        unpriced_requests=figures.unpriced_requests,
    )


def _row(row: ReportRow, key_names: dict[str, str]) -> UsageRow:
    return UsageRow(
        key_id=row.key_id,
        key_name=key_names.get(row.key_id or ""),
        model=row.model,
        day=row.day,
        **_figures(row.figures).model_dump(),
    )


def _event(record: UsageRecord, adjusted: Adjustment | None) -> UsageEventOut:
    cost, charge, price_id = record.cost_nanodollars, record.charge_nanodollars, record.price_id
    if adjusted is not None:
        cost, charge, price_id = adjusted.cost_after, adjusted.charge_after, adjusted.price_id
    return UsageEventOut(
        **record.event._asdict(),
        occurred_at=_EPOCH + record.event.occurred_at_us * _MICROSECOND,
        cost_nanodollars=cost,
        cost_usd=None if cost is None else format_usd(Nanodollars(cost)),
        charge_nanodollars=charge,
        charge_usd=None if charge is None else format_usd(Nanodollars(charge)),
        price_id=price_id,
        stored_cost_nanodollars=record.cost_nanodollars,
        re_rating_id=None if adjusted is None else adjusted.re_rating_id,
        transaction=record.transaction,
    )
