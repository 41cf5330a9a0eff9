"""What a period will come to."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request
from pydantic import Field

from headworks.kernel.clock import now
from headworks.kernel.moments import time_of
from headworks.kernel.principal import Principal
from headworks.kernel.web import Envelope, ResponseModel, Router, Timestamp, envelope, provided, require
from headworks.usage import queries
from headworks.usage.domain.forecasting import METHOD, Period
from headworks.usage.domain.spans import zone_of
from headworks.usage.http.shapes import FiguresOut, ScopeQuery, figures_out
from headworks.usage.ports import ReportFilter, UsageStore

router = Router()


class ForecastOut(ResponseModel):
    """An estimate of what a period will come to."""

    period: Period
    start: Timestamp
    end: Timestamp
    so_far: FiguresOut
    expected: FiguresOut
    """At the period's end, if things go on as they did lately. An estimate."""
    method: str
    """How it was made."""
    mean_from: Timestamp
    """The time whose mean it goes by."""
    mean_until: Timestamp


class ForecastQuery(ScopeQuery):
    """Of what, and until when."""

    period: Period = Field("month", description="The running day, week (from Monday) or month.")


@router.get("/usage/forecast", summary="Forecast usage")
async def forecast_usage(
    request: Request,
    principal: Annotated[Principal, require("usage:read")],
    store: Annotated[UsageStore, provided(UsageStore)],
    query: Annotated[ForecastQuery, Query()],
) -> Envelope[ForecastOut]:
    """What the running period will come to if things go on as they did lately: an estimate, and how it was made."""
    wanted = ReportFilter(query.organization(principal), "hour", 0, 0, query.equal(), query.tags())
    async with store.read(wanted.organization_id) as reading:
        found = await queries.expected(reading, wanted, zone_of(query.time_zone), query.period, now())
    out = ForecastOut(
        period=query.period,
        start=time_of(found.from_s),
        end=time_of(found.until_s),
        so_far=FiguresOut(**figures_out(found.so_far)),
        expected=FiguresOut(**figures_out(found.expected)),
        method=METHOD,
        mean_from=time_of(found.window_from_s),
        mean_until=time_of(found.window_until_s),
    )
    return envelope(out, request)
