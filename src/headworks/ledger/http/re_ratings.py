"""Rating the past anew over HTTP: what it would change, and the change; both in steps."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request
from pydantic import Field

from headworks.kernel.clock import now
from headworks.kernel.errors import Invalid
from headworks.kernel.moments import micros
from headworks.kernel.pagination import decode_cursor, encode_cursor
from headworks.kernel.principal import Principal
from headworks.kernel.web import (
    Envelope,
    PageEnvelope,
    PageQuery,
    ResponseModel,
    Router,
    StrictModel,
    Timestamp,
    envelope,
    page_envelope,
    provided,
    raises,
    require,
)
from headworks.ledger import commands
from headworks.ledger.contracts import RecordRange, ReRating
from headworks.ledger.domain.rerating import Tally
from headworks.ledger.errors import AmountTooLarge, PeriodClosed, ReRatingNotFound
from headworks.ledger.http.shapes import LONGEST, LONGEST_MODEL, MoneyOut, at, maybe_at, maybe_micros, money
from headworks.ledger.ports import Ledger, Prices

router = Router("/re-ratings")

_Ledger = Annotated[Ledger, provided(Ledger)]
_Prices = Annotated[Prices, provided(Prices)]
_Reader = Annotated[Principal, require("ledger:read")]
_Writer = Annotated[Principal, require("ledger:write")]


class RangeIn(StrictModel):
    """Which records, by when their requests began."""

    start: Timestamp
    end: Timestamp | None = None
    """Not included; up to now when left out."""
    provider_id: str | None = Field(None, max_length=LONGEST)
    model: str | None = Field(None, max_length=LONGEST_MODEL)
    """The name that was asked for."""
    upstream_model: str | None = Field(None, max_length=LONGEST_MODEL)
    """What the provider calls it."""
    after: str | None = Field(None, max_length=LONGEST)
    """The `next` of the answer before, to go on there."""

    def mark(self) -> tuple[int, int] | None:
        """Behind which record to begin. Raises Invalid."""
        if self.after is None:
            return None
        try:
            at_us, record = decode_cursor(self.after, int, int)
        except Invalid:
            raise Invalid.field("after", "malformed", "is not the `next` of an answer") from None
        return int(at_us), int(record)

    def wanted(self) -> RecordRange:
        """As the ledger takes it. Raises Invalid."""
        start = maybe_micros("start", self.start)
        end = maybe_micros("end", self.end)
        return RecordRange(start or 0, end, self.provider_id, self.model, self.upstream_model)


class FiguresOut(ResponseModel):
    """What some records come to, before and after."""

    records: int
    adjusted: int
    """Of them, that come to something else."""
    cost_before: MoneyOut
    cost_after: MoneyOut
    charge_before: MoneyOut
    charge_after: MoneyOut


class ModelFiguresOut(FiguresOut):
    """Of one model."""

    model: str
    unpriced_before: int
    unpriced_after: int


class PreviewOut(ResponseModel):
    """What rating anew would change, of some of the records."""

    models: list[ModelFiguresOut]
    next: str | None
    """Where there are more records: ask again with this as `after`, and add up."""


class ReRatingOut(FiguresOut):
    """A re-rating. Its records stay as they are: what it changed are adjusting entries."""

    id: str
    start: Timestamp
    end: Timestamp | None
    provider_id: str | None
    model: str | None
    upstream_model: str | None
    created_at: Timestamp


class DoneOut(PreviewOut):
    """What rating anew has changed, of some of the records."""

    re_rating: ReRatingOut | None
    """Null where there was nothing to change."""


@router.get("/preview")
async def preview_re_rating(
    request: Request, principal: _Writer, ledger: _Ledger, prices: _Prices, query: Annotated[RangeIn, Query()]
) -> Envelope[PreviewOut]:
    """What today's prices and mark-ups would make of past records, 20,000 at a time. Changes nothing."""
    wanted, book = query.wanted(), await prices.price_book()
    async with ledger.reading(principal.organization_id) as reading:
        outcome = await commands.preview(reading, book, wanted, query.mark())
    return envelope(PreviewOut(models=_models(outcome), next=_next(outcome)), request)


@router.get("")
async def list_re_ratings(
    request: Request, principal: _Reader, ledger: _Ledger, paging: PageQuery
) -> PageEnvelope[ReRatingOut]:
    """What was rated anew, the newest first."""
    async with ledger.reading(principal.organization_id) as reading:
        page = await reading.re_ratings(paging)
    return page_envelope(page.map(_out), request)


@router.post("", status_code=201, dependencies=[raises(PeriodClosed, AmountTooLarge)])
async def re_rate(
    request: Request, principal: _Writer, ledger: _Ledger, prices: _Prices, body: RangeIn
) -> Envelope[DoneOut]:
    """Post what today's prices and mark-ups change about past records, 20,000 at a time. A second time it changes nothing.

    Each step is entered by itself. What broke off goes on with its last `next`, or from the start: what is done is passed over.
    """
    wanted, book = body.wanted(), await prices.price_book()
    async with ledger.writing(principal.organization_id) as unit:
        outcome = await commands.rerate(unit, book, wanted, micros(now()), body.mark())
        done = None if outcome.re_rating is None else _out(outcome.re_rating)
        return envelope(DoneOut(models=_models(outcome), next=_next(outcome), re_rating=done), request)


@router.get("/{re_rating_id}", dependencies=[raises(ReRatingNotFound)])
async def show_re_rating(
    request: Request, principal: _Reader, ledger: _Ledger, re_rating_id: str
) -> Envelope[ReRatingOut]:
    """One re-rating."""
    async with ledger.reading(principal.organization_id) as reading:
        found = await reading.re_rating(re_rating_id)
    if found is None:
        raise ReRatingNotFound(re_rating_id)
    return envelope(_out(found), request)


def _next(outcome: commands.Outcome) -> str | None:
    return None if outcome.next is None else encode_cursor(*outcome.next)


def _models(outcome: commands.Outcome) -> list[ModelFiguresOut]:
    return [_model(name, tally) for name, tally in sorted(outcome.by_model.items())]


def _model(name: str, tally: Tally) -> ModelFiguresOut:
    return ModelFiguresOut(
        model=name,
        unpriced_before=tally.unpriced_before,
        unpriced_after=tally.unpriced_after,
        **_figures(tally).model_dump(),
    )


def _figures(of: Tally | ReRating) -> FiguresOut:
    return FiguresOut(
        records=of.records,
        adjusted=of.adjusted,
        cost_before=money(of.cost_before),
        cost_after=money(of.cost_after),
        charge_before=money(of.charge_before),
        charge_after=money(of.charge_after),
    )


def _out(one: ReRating) -> ReRatingOut:
    return ReRatingOut(
        id=one.id,
        start=at(one.wanted.from_us),
        end=maybe_at(one.wanted.until_us),
        provider_id=one.wanted.provider_id,
        model=one.wanted.model,
        upstream_model=one.wanted.upstream_model,
        created_at=at(one.created_at_us),
        **_figures(one).model_dump(),
    )
