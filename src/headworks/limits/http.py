"""Limits over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query, Request
from pydantic import Field

from headworks.kernel.clock import now
from headworks.kernel.money import Nanodollars, format_usd
from headworks.kernel.pagination import PageRequest, page_of
from headworks.kernel.principal import Principal
from headworks.kernel.scopes import Scope, UnknownScope
from headworks.kernel.web import (
    Envelope,
    IfMatch,
    PageEnvelope,
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
from headworks.limits import commands, queries
from headworks.limits.contracts import Limit, Unit, Window
from headworks.limits.domain import LARGEST
from headworks.limits.errors import LimitExists, LimitNotFound
from headworks.limits.ports import LimitStore, Scopes

router = Router("/api/v1/limits", tags=["limits"])

_Store = Annotated[LimitStore, provided(LimitStore)]
_Scopes = Annotated[Scopes, provided(Scopes)]
_Paging = Annotated[
    PageRequest, paged("created_at", scope=str, unit=str, amount=int, created_at=datetime, updated_at=datetime)
]
_Reader = Annotated[Principal, require("limits:read")]
_Writer = Annotated[Principal, require("limits:write")]
_Id = Annotated[str, Path(max_length=128, description="Such as `lim_01k9…`.")]
_LARGEST = max(LARGEST.values())
_AMOUNT = "Requests or tokens; nanodollars for `spend`: a dollar is 1000000000."


class NewLimitIn(StrictModel):
    """So many units in any window of that length, for all that the scope sends together. The strictest one wins."""

    scope: Scope
    scope_id: str | None = Field(
        None,
        min_length=1,
        max_length=256,
        description="Of the project, user or key; the name of the model. Left out for your organisation.",
    )
    unit: Unit
    window: Window | None = Field(None, description="Left out for `concurrent`: requests at once.")
    amount: Whole = Field(description=_AMOUNT, json_schema_extra={"minimum": 1, "maximum": _LARGEST})


class LimitChangesIn(StrictModel):
    """What it is from now on."""

    amount: Whole = Field(description=_AMOUNT, json_schema_extra={"minimum": 1, "maximum": _LARGEST})


class LimitOut(Versioned):
    """A limit."""

    scope: Scope
    scope_id: str
    unit: Unit
    window: Window | None
    amount: int
    amount_usd: str | None
    """The same in dollars, for `spend`."""
    created_at: Timestamp
    updated_at: Timestamp


@router.get("", summary="List limits")
async def list_limits(
    request: Request,
    caller: _Reader,
    store: _Store,
    paging: _Paging,
    scope: Annotated[Scope | None, Query(description="Only those on this kind of thing.")] = None,
    scope_id: Annotated[str | None, Query(max_length=256, description="Only those on this one.")] = None,
    unit: Annotated[Unit | None, Query(description="Only those that count this.")] = None,
) -> PageEnvelope[LimitOut]:
    """Those of the caller's organisation, the oldest first."""
    async with store.reading(caller.organization_id) as reader:
        found = await queries.listed(reader, scope, scope_id, unit)
    return page_envelope(page_of(found, paging).map(_out), request)


@router.post("", summary="Make a limit", status_code=201, dependencies=[raises(LimitExists, UnknownScope)])
async def create_limit(
    request: Request, caller: _Writer, store: _Store, scopes: _Scopes, body: NewLimitIn
) -> Envelope[LimitOut]:
    """It holds from the next request on."""
    own = caller.organization_id if body.scope == "organization" else ""
    wish = commands.NewLimit(body.scope, body.scope_id or own, body.unit, body.window, body.amount)
    async with store.writing(caller.organization_id) as writer:
        return envelope(_out(await commands.create(writer, scopes, wish, now())), request)


@router.get("/{limit_id}", summary="Show a limit", dependencies=[raises(LimitNotFound)])
async def show_limit(request: Request, caller: _Reader, store: _Store, limit_id: _Id) -> Envelope[LimitOut]:
    """One limit."""
    async with store.reading(caller.organization_id) as reader:
        return envelope(_out(await queries.one(reader, limit_id)), request)


@router.patch("/{limit_id}", summary="Change a limit", dependencies=[raises(LimitNotFound)])
async def change_limit(
    request: Request, caller: _Writer, store: _Store, limit_id: _Id, body: LimitChangesIn, if_match: IfMatch
) -> Envelope[LimitOut]:
    """Another amount, from the next request on. What was counted stays counted."""
    async with store.writing(caller.organization_id) as writer:
        changed = await commands.change(writer, limit_id, body.amount, now(), if_match.expects(limit_id))
    return envelope(_out(changed), request)


@router.delete("/{limit_id}", summary="Remove a limit", status_code=204, dependencies=[raises(LimitNotFound)])
async def remove_limit(caller: _Writer, store: _Store, limit_id: _Id, if_match: IfMatch) -> None:
    """Nothing is held to it any more."""
    async with store.writing(caller.organization_id) as writer:
        await commands.remove(writer, limit_id, if_match.expects(limit_id))


def _out(limit: Limit) -> LimitOut:
    fields = {name: getattr(limit, name) for name in Limit.__slots__}
    return LimitOut(**fields, amount_usd=format_usd(Nanodollars(limit.amount)) if limit.unit == "spend" else None)
