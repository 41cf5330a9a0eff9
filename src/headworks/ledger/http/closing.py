"""Closed periods over HTTP: usage that was invoiced, and changes no more."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request

from headworks.kernel.clock import now
from headworks.kernel.moments import micros
from headworks.kernel.pagination import Page, PageRequest
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
    require,
)
from headworks.ledger import commands
from headworks.ledger.contracts import ClosedPeriod
from headworks.ledger.http.shapes import MoneyOut, at, maybe_at, money
from headworks.ledger.ports import Ledger

router = Router("/ledger/closed-periods")

_Ledger = Annotated[Ledger, provided(Ledger)]
_Reader = Annotated[Principal, require("ledger:read")]
_Writer = Annotated[Principal, require("ledger:write")]


class ClosingIn(StrictModel):
    """Until when to close."""

    until: Timestamp
    """Not included; at least a minute ago."""


class ClosedPeriodOut(ResponseModel):
    """What began in that time, as it stood when it was closed."""

    id: str
    start: Timestamp | None
    """Null for the first: everything before its end."""
    end: Timestamp
    closed_at: Timestamp
    records: int
    cost: MoneyOut
    charge: MoneyOut


@router.get("")
async def list_closed_periods(
    request: Request, principal: _Reader, ledger: _Ledger, paging: PageQuery
) -> PageEnvelope[ClosedPeriodOut]:
    """What was closed, the newest first."""
    async with ledger.reading(principal.organization_id) as reading:
        found = (await reading.closed_periods())[::-1]
    page = PageRequest(paging.page, paging.per_page)
    shown = Page(found[page.offset : page.offset + page.per_page], len(found), page)
    return page_envelope(shown.map(_out), request)


@router.post("", status_code=201)
async def close_period(
    request: Request, principal: _Writer, ledger: _Ledger, body: ClosingIn
) -> Envelope[ClosedPeriodOut]:
    """Close everything up to a time, for good: it is not rated anew any more. Usage that arrives later is settled all the same."""
    async with ledger.writing(principal.organization_id) as unit:
        made = await commands.close_period(unit, micros(body.until), micros(now()))
        return envelope(_out(made), request)


def _out(one: ClosedPeriod) -> ClosedPeriodOut:
    return ClosedPeriodOut(
        id=one.id,
        start=maybe_at(one.from_us),
        end=at(one.until_us),
        closed_at=at(one.closed_at_us),
        records=one.sums.records,
        cost=money(one.sums.cost),
        charge=money(one.sums.charge),
    )
