"""Roll-ups made anew from the records, and compared with them: for operators."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Query, Request
from pydantic import Field

from headworks.kernel.clock import now
from headworks.kernel.errors import Invalid
from headworks.kernel.moments import second_of, time_of
from headworks.kernel.principal import Principal
from headworks.kernel.web import (
    Day,
    Envelope,
    ResponseModel,
    Router,
    StrictModel,
    envelope,
    provided,
    repeatable,
    require,
)
from headworks.usage import commands
from headworks.usage.domain.keeping import check_kept
from headworks.usage.domain.rollups import LAST_HOUR, SECONDS, Compared
from headworks.usage.domain.spans import span, zone_of
from headworks.usage.ports import UsageStore
from headworks.usage.settings import UsageSettings

router = Router()

_SECOND_US = 1_000_000

_Store = Annotated[UsageStore, provided(UsageStore)]
_Operator = Annotated[Principal, require("installation:operate")]


class DaysBody(StrictModel):
    """Which days (UTC)."""

    first_day: Day | None = Field(None, description="From the first record on when left out.")
    last_day: Day | None = Field(None, description="Included; today when left out.")


class PendingDaysOut(ResponseModel):
    """What is still to be made anew."""

    days: list[date]
    """The newest first, which is the order that they are made in."""


class ComparedOut(ResponseModel):
    """Roll-ups of a day beside what its records, and what re-ratings changed in them, come to."""

    day: date
    sums: int
    """How many were looked at."""
    wrong: int
    """How many of them are another number than they should be: none."""
    nanodollars: int
    """By how much the wrong charges are off, all together."""


@router.post("/usage-rebuilds", status_code=202, summary="Make sums anew", dependencies=[repeatable()])
async def rebuild_usage(request: Request, caller: _Operator, store: _Store, body: DaysBody) -> Envelope[PendingDaysOut]:
    """Have the sums of these days made anew from the records, while usage goes on being stored. Safe to repeat."""
    async with store.read(None) as reading:
        first_s = await reading.first_day()
    first = body.first_day or (None if first_s is None else time_of(first_s).date())
    if first is not None:
        found = span(first, body.last_day, zone_of("UTC"), (), now())
        await commands.ask_anew(store, caller.organization_id, found.first_day, min(found.last_day, now().date()))
    return envelope(await _pending(store), request)


@router.get("/usage-rebuilds", summary="What is being made anew")
async def show_usage_rebuilds(request: Request, _caller: _Operator, store: _Store) -> Envelope[PendingDaysOut]:
    """Days whose sums are still to be made anew."""
    return envelope(await _pending(store), request)


@router.get("/usage-rebuilds/check", summary="Compare sums with records")
async def check_usage(
    request: Request,
    _caller: _Operator,
    store: _Store,
    settings: Annotated[UsageSettings, provided(UsageSettings)],
    day: Annotated[Day, Query(description="Which day (UTC).")],
) -> Envelope[ComparedOut]:
    """Whether a day's sums are what its records come to. Changes nothing."""
    start_s = span(day, day, zone_of("UTC"), (), now()).from_s
    if day > now().date():
        raise Invalid.field("query.day", "out_of_range", "must not lie in the future")
    async with store.read(None) as reading:
        check_kept("query.day", start_s * _SECOND_US, await reading.kept_from())
    found = Compared(0, 0, 0)
    for hour in range(LAST_HOUR + 1):
        hour_s = start_s + hour * SECONDS["hour"]
        found += await commands.compare_hour(store, settings, hour_s, second_of(now()))
    out = ComparedOut(day=day, sums=found.sums, wrong=found.wrong, nanodollars=found.nanodollars)
    return envelope(out, request)


async def _pending(store: UsageStore) -> PendingDaysOut:
    async with store.read(None) as reading:
        return PendingDaysOut(days=[time_of(day_s).date() for day_s in await reading.pending_days()])
