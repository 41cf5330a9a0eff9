"""Leases over HTTP: what gateways have borrowed of budgets, and until when."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request

from headworks.kernel.pagination import page_of
from headworks.kernel.principal import Principal
from headworks.kernel.web import (
    PageEnvelope,
    PageQuery,
    ResponseModel,
    Router,
    Timestamp,
    page_envelope,
    provided,
    require,
)
from headworks.ledger.http.shapes import LONGEST, MoneyOut, at, maybe_at, money
from headworks.ledger.ports import Ledger
from headworks.ledger.queries.holdings import Holding, holdings

router = Router("/leases")


class LeaseOut(ResponseModel):
    """What one gateway has borrowed of a budget's period."""

    gateway: str
    """The id of its spool."""
    budget_id: str
    budget: str
    """What the budget is called."""
    period_start: Timestamp
    period_end: Timestamp | None
    """Null for a total."""
    amount: MoneyOut
    """What it may still draw, or has drawn for requests that are not settled yet."""
    until: Timestamp
    """When it is taken back, unless the gateway asks again before."""


@router.get("")
async def list_leases(
    request: Request,
    principal: Annotated[Principal, require("budgets:read")],
    ledger: Annotated[Ledger, provided(Ledger)],
    paging: PageQuery,
    gateway: Annotated[str | None, Query(max_length=LONGEST, description="Only of this gateway, by id.")] = None,
    budget_id: Annotated[str | None, Query(max_length=LONGEST, description="Only of this budget.")] = None,
    organization_id: Annotated[
        str | None,
        Query(max_length=LONGEST, description="Of which organisation, for operators; your own when left out."),
    ] = None,
) -> PageEnvelope[LeaseOut]:
    """What gateways hold of an organisation's budgets, by budget, period and gateway."""
    wanted = organization_id or principal.organization_id
    found: list[Holding] = []
    # Of somebody else's organisation there is nothing to be seen, as of one that does not exist.
    if wanted == principal.organization_id or principal.may("installation:operate"):
        async with ledger.reading(wanted) as reading:
            found = await holdings(reading, gateway, budget_id)
    return page_envelope(page_of(found, paging).map(_out), request)


def _out(one: Holding) -> LeaseOut:
    return LeaseOut(
        gateway=one.hold.gateway,
        budget_id=one.budget.id,
        budget=one.budget.name,
        period_start=at(one.period.start_us),
        period_end=maybe_at(one.period.end_us),
        amount=money(one.hold.amount),
        until=at(one.hold.expires_at_us),
    )
