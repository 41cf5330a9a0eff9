"""Figures by any mix of dimensions."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Query, Request
from pydantic import Field

from headworks.kernel.clock import now
from headworks.kernel.moments import time_of
from headworks.kernel.principal import Principal
from headworks.kernel.web import ResponseModel, Router, Timestamp, page_envelope, provided, require
from headworks.kernel.web.envelope import Links, PageMeta
from headworks.usage import queries
from headworks.usage.http.shapes import FiguresOut, SplitQuery, UsageRow, change_ppm, figures_out, row_out
from headworks.usage.ports import Backlog, Names, UsageStore
from headworks.usage.settings import UsageSettings

router = Router()

_Store = Annotated[UsageStore, provided(UsageStore)]
_Names = Annotated[Names, provided(Names)]
_Backlog = Annotated[Backlog, provided(Backlog)]
_Settings = Annotated[UsageSettings, provided(UsageSettings)]
_Reader = Annotated[Principal, require("usage:read")]


class UsageReport(ResponseModel):
    """Figures by group, and their sums."""

    rows: list[UsageRow]
    totals: FiguresOut
    """Of all rows, on every page."""
    group_by: list[str]
    first_day: date
    last_day: date
    as_of: Timestamp | None
    """When the newest record was stored: what ended later is not in these figures yet."""
    start: Timestamp
    """Where the figures begin."""
    end: Timestamp
    """And before which time they end."""
    time_zone: str
    previous: FiguresOut | None
    """Of all of the period before, where that was asked for."""
    charge_change_ppm: int | None
    """By how many millionths the charge is more than it was then; null where it was nothing."""
    waiting_records: int | None
    """How many requests have ended and are not stored yet; null where that is not known here."""
    days_being_made: int
    """Days whose sums are being made anew from the records: until that is done they may lack something."""


class UsageReportEnvelope(ResponseModel):
    """A report, and which page of its rows this is."""

    data: UsageReport
    meta: PageMeta
    links: Links


class ReportQuery(SplitQuery):
    """What to report."""

    page: int = Field(1, ge=1, le=1_000_000)
    per_page: int = Field(200, ge=1, le=1000)


@router.get("/usage")
async def show_usage(
    request: Request,
    principal: _Reader,
    store: _Store,
    names: _Names,
    backlog: _Backlog,
    settings: _Settings,
    query: Annotated[ReportQuery, Query()],
) -> UsageReportEnvelope:
    """Requests, tokens and cost by group, the newest first."""
    group_by = query.dimensions()
    wanted, span = query.wanted(principal, settings, now())
    page = query.order(query.page, query.per_page)
    async with store.read(wanted.organization_id) as reading:
        report = await queries.report(reading, names, wanted, group_by, page)
    paged = page_envelope(report.rows.map(lambda row: row_out(row, group_by, report.names)), request)
    before = report.totals.previous
    data = UsageReport(
        rows=paged.data,
        totals=FiguresOut(**figures_out(report.totals.figures)),
        group_by=list(group_by),
        first_day=span.first_day,
        last_day=span.last_day,
        as_of=report.as_of,
        start=time_of(span.from_s),
        end=time_of(span.until_s),
        time_zone=query.time_zone,
        previous=None if before is None else FiguresOut(**figures_out(before)),
        charge_change_ppm=None if before is None else change_ppm(report.totals.figures, before),
        waiting_records=backlog.waiting(),
        days_being_made=report.days_being_made,
    )
    return UsageReportEnvelope(data=data, meta=paged.meta, links=paged.links)
