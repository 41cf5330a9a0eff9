"""Proof over HTTP that the books agree: at once, or line by line while it goes on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Request
from fastapi.responses import StreamingResponse

from headworks.kernel.principal import Principal
from headworks.kernel.web import Envelope, ResponseModel, Router, Timestamp, envelope, provided, require
from headworks.ledger.domain.checking import Fault, Problem
from headworks.ledger.http.shapes import maybe_at
from headworks.ledger.ports import Ledger
from headworks.ledger.queries import verification

router = Router("/ledger/verification")

_Ledger = Annotated[Ledger, provided(Ledger)]
_Reader = Annotated[Principal, require("ledger:read")]


class FaultOut(ResponseModel):
    """Something that does not agree."""

    problem: Problem
    transaction: int | None
    budget_id: str | None
    period_start: Timestamp | None
    difference: int
    """Nanodollars; for `stray_records` and `unsettled_records` how many."""


class ProofOut(ResponseModel):
    """What was looked at, and what was found."""

    agrees: bool
    finished: bool
    transactions: int
    entries: int
    records: int
    """Usage records, each settled by exactly one transaction."""
    forgotten_records: int
    """How many of them are not kept any more. What they came to is, and is still what was entered for them."""
    adjustments: int
    budget_periods: int
    faults: list[FaultOut]
    """The first hundred."""


@router.get("")
async def verify_ledger(request: Request, principal: _Reader, ledger: _Ledger) -> Envelope[ProofOut]:
    """Check that every transaction adds up to nothing, settles what its records say, and that budgets count what is entered."""
    report = verification.Report()
    async for one in verification.verify(ledger, principal.organization_id):
        report = one
    return envelope(_out(report), request)


@router.get("/progress", response_class=StreamingResponse)
async def watch_verification(principal: _Reader, ledger: _Ledger) -> StreamingResponse:
    """The same, and how far it is: one JSON object a line, the last one with `finished`."""

    async def lines() -> AsyncIterator[str]:
        async for report in verification.verify(ledger, principal.organization_id):
            yield json.dumps(_out(report).model_dump(mode="json")) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


def _out(report: verification.Report) -> ProofOut:
    return ProofOut(
        agrees=report.agrees,
        finished=report.finished,
        transactions=report.transactions,
        entries=report.entries,
        records=report.records,
        forgotten_records=report.forgotten,
        adjustments=report.adjustments,
        budget_periods=report.periods,
        faults=[_fault(fault) for fault in report.faults],
    )


def _fault(fault: Fault) -> FaultOut:
    return FaultOut(
        problem=fault.problem,
        transaction=fault.transaction,
        budget_id=None if fault.place is None else fault.place.budget_id,
        period_start=None if fault.place is None else maybe_at(fault.place.start_us),
        difference=fault.difference,
    )
