"""Budgets over HTTP, with how they stand now."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import Field

from headworks.kernel.clock import now
from headworks.kernel.moments import micros
from headworks.kernel.pagination import Page, PageRequest
from headworks.kernel.principal import Principal
from headworks.kernel.scopes import Scope, UnknownScope
from headworks.kernel.sorting import in_order
from headworks.kernel.web import (
    Envelope,
    IfMatch,
    PageEnvelope,
    ResponseModel,
    Router,
    StrictModel,
    Timestamp,
    Versioned,
    Whole,
    envelope,
    page_envelope,
    paged,
    provided,
    raises,
    require,
)
from headworks.ledger import commands
from headworks.ledger.contracts import PeriodKind, Raise
from headworks.ledger.errors import BudgetExists, BudgetNotFound, RaiseNotFound, UnknownTimeZone
from headworks.ledger.http.shapes import AMOUNT, LONGEST_MODEL, MoneyOut, at, maybe_at, money
from headworks.ledger.ports import Ledger, ScopeNames
from headworks.ledger.queries import standing

router = Router("/budgets")

_Ledger = Annotated[Ledger, provided(Ledger)]
_Names = Annotated[ScopeNames, provided(ScopeNames)]
_Reader = Annotated[Principal, require("budgets:read")]
_Writer = Annotated[Principal, require("budgets:write")]
_Paging = Annotated[PageRequest, paged("created_at", name=str, created_at=datetime)]
_THRESHOLDS: dict[str, Any] = {"items": {"type": "integer", "minimum": 1, "maximum": 1000}, "maxItems": 10}


class NewBudgetIn(StrictModel):
    """How much may be charged per period for something."""

    name: str
    scope: Scope
    """What it is of."""
    scope_id: str | None = Field(None, max_length=LONGEST_MODEL)
    """Id of the project, key or user, or the name of the model. Left out for the organisation."""
    amount_nanodollars: Whole = Field(json_schema_extra=AMOUNT)
    """For each period; a dollar is 1000000000."""
    period: PeriodKind
    """`total` counts everything that there ever was."""
    time_zone: str = Field("UTC", max_length=64)
    """Whose midnights begin a period, such as `Europe/Berlin`."""
    anchor: Whole | None = Field(None, json_schema_extra={"minimum": 1, "maximum": 31})
    """Day of the week (1 is Monday) or of the month on which a period begins; the first when left out."""
    hard: bool = True
    """Refuse requests when it is spent. A soft one is only told of."""
    thresholds: list[Whole] = Field([], json_schema_extra=_THRESHOLDS)
    """Percents at which it is told that so much was spent."""


class BudgetChangesIn(StrictModel):
    """What is to be another. What a budget is of, and its periods, stay as they are: for others make another budget."""

    name: str | None = None
    amount_nanodollars: Whole | None = Field(None, json_schema_extra=AMOUNT)
    hard: bool | None = None
    thresholds: list[Whole] | None = Field(None, json_schema_extra=_THRESHOLDS)


class NewRaiseIn(StrictModel):
    """More for a while."""

    amount_nanodollars: Whole = Field(json_schema_extra=AMOUNT)
    until: Timestamp


class RaiseOut(ResponseModel):
    """More, until then."""

    id: str
    amount: MoneyOut
    created_at: Timestamp
    until: Timestamp


class AlertOut(ResponseModel):
    """A threshold that was crossed in this period."""

    percent: int
    crossed_at: Timestamp
    spent: MoneyOut
    authorized: MoneyOut


class PeriodOut(ResponseModel):
    """How the budget stands in the period that runs."""

    start: Timestamp
    end: Timestamp | None
    """When the next one begins; null for a total."""
    authorized: MoneyOut
    """The amount, and the raises that count now."""
    spent: MoneyOut
    held: MoneyOut
    """What gateways have borrowed for requests that run or are not reported yet."""
    left: MoneyOut
    """Authorised, and neither spent nor held. Below zero where more was spent than authorised."""
    alerts: list[AlertOut]


class BudgetOut(Versioned):
    """A budget, and how it stands."""

    name: str
    scope: Scope
    scope_id: str
    amount: MoneyOut
    period: PeriodKind
    time_zone: str
    anchor: int
    hard: bool
    thresholds: list[int]
    created_at: Timestamp
    current: PeriodOut
    raises: list[RaiseOut]
    """Those that count now."""


@router.get("")
async def list_budgets(
    request: Request,
    principal: _Reader,
    ledger: _Ledger,
    paging: _Paging,
    scope: Annotated[Scope | None, Query(description="Only of this scope.")] = None,
    scope_id: Annotated[str | None, Query(max_length=LONGEST_MODEL, description="Only of this one.")] = None,
) -> PageEnvelope[BudgetOut]:
    """Every budget of the organisation, and how it stands."""
    async with ledger.reading(principal.organization_id) as reading:
        found = [
            one
            for one in await standing.standings(reading, micros(now()))
            if scope in (None, one.budget.scope) and scope_id in (None, one.budget.scope_id)
        ]
    ordered = in_order(found, paging.sort, _value)
    page = Page(ordered[paging.offset : paging.offset + paging.per_page], len(ordered), paging)
    return page_envelope(page.map(_out), request)


@router.post("", status_code=201, dependencies=[raises(BudgetExists, UnknownScope, UnknownTimeZone)])
async def create_budget(
    request: Request, principal: _Writer, ledger: _Ledger, names: _Names, body: NewBudgetIn
) -> Envelope[BudgetOut]:
    """Set a budget. It knows what was spent in the running period before it was made."""
    wish = commands.NewBudget(
        name=body.name,
        scope=body.scope,
        scope_id=body.scope_id,
        amount=body.amount_nanodollars,
        period=body.period,
        time_zone=body.time_zone,
        anchor=body.anchor,
        hard=body.hard,
        thresholds=tuple(body.thresholds),
    )
    at_us = micros(now())
    async with ledger.writing(principal.organization_id) as unit:
        budget = await commands.create_budget(unit, names, wish, at_us)
        return envelope(_out(await standing.standing(unit, budget.id, at_us)), request)


@router.get("/{budget_id}", dependencies=[raises(BudgetNotFound)])
async def show_budget(request: Request, principal: _Reader, ledger: _Ledger, budget_id: str) -> Envelope[BudgetOut]:
    """One budget, and how it stands."""
    async with ledger.reading(principal.organization_id) as reading:
        found = await standing.standing(reading, budget_id, micros(now()))
    return envelope(_out(found), request)


@router.patch("/{budget_id}", dependencies=[raises(BudgetNotFound, BudgetExists)])
async def change_budget(
    request: Request, principal: _Writer, ledger: _Ledger, budget_id: str, body: BudgetChangesIn, if_match: IfMatch
) -> Envelope[BudgetOut]:
    """Change its name, amount, hardness or thresholds, from now on. Periods that are over stay as they were."""
    changes = commands.BudgetChanges(
        name=body.name,
        amount=body.amount_nanodollars,
        hard=body.hard,
        thresholds=None if body.thresholds is None else tuple(body.thresholds),
    )
    at_us = micros(now())
    async with ledger.writing(principal.organization_id) as unit:
        await commands.change_budget(unit, budget_id, changes, at_us, if_match.expects(budget_id))
        return envelope(_out(await standing.standing(unit, budget_id, at_us)), request)


@router.delete("/{budget_id}", status_code=204, dependencies=[raises(BudgetNotFound)])
async def remove_budget(principal: _Writer, ledger: _Ledger, budget_id: str, if_match: IfMatch) -> None:
    """Remove it. What it counted stays in the ledger."""
    async with ledger.writing(principal.organization_id) as unit:
        await commands.remove_budget(unit, budget_id, micros(now()), if_match.expects(budget_id))


@router.post("/{budget_id}/raises", status_code=201, dependencies=[raises(BudgetNotFound)])
async def raise_budget(
    request: Request, principal: _Writer, ledger: _Ledger, budget_id: str, body: NewRaiseIn
) -> Envelope[RaiseOut]:
    """Authorise more until some time; then it is as before, by itself."""
    wish = commands.NewRaise(body.amount_nanodollars, micros(body.until))
    async with ledger.writing(principal.organization_id) as unit:
        _, made = await commands.raise_budget(unit, budget_id, wish, micros(now()))
        return envelope(_raise(made), request)


@router.delete("/{budget_id}/raises/{raise_id}", status_code=204, dependencies=[raises(BudgetNotFound, RaiseNotFound)])
async def end_raise(principal: _Writer, ledger: _Ledger, budget_id: str, raise_id: str, if_match: IfMatch) -> None:
    """Take a raise back before its time."""
    async with ledger.writing(principal.organization_id) as unit:
        await commands.end_raise(unit, budget_id, raise_id, micros(now()), if_match.expects(budget_id))


def _value(one: standing.Standing, field: str) -> object:
    return one.budget.name if field == "name" else one.budget.created_at_us


def _out(one: standing.Standing) -> BudgetOut:
    budget, counters = one.budget, one.counters
    return BudgetOut(
        id=budget.id,
        version=budget.version,
        name=budget.name,
        scope=budget.scope,
        scope_id=budget.scope_id,
        amount=money(budget.amount),
        period=budget.period,
        time_zone=budget.time_zone,
        anchor=budget.anchor,
        hard=budget.hard,
        thresholds=list(budget.thresholds),
        created_at=at(budget.created_at_us),
        current=PeriodOut(
            start=at(one.period.start_us),
            end=maybe_at(one.period.end_us),
            authorized=money(counters.authorized),
            spent=money(counters.spent),
            held=money(counters.held),
            left=money(counters.available),
            alerts=[
                AlertOut(
                    percent=alert.percent,
                    crossed_at=at(alert.crossed_at_us),
                    spent=money(alert.spent),
                    authorized=money(alert.authorized),
                )
                for alert in one.alerts
            ],
        ),
        raises=[_raise(found) for found in one.raises],
    )


def _raise(one: Raise) -> RaiseOut:
    return RaiseOut(id=one.id, amount=money(one.amount), created_at=at(one.created_at_us), until=at(one.over_us))
