"""Counters over HTTP: a cache of the journal, made anew at will."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request

from headworks.kernel.clock import now
from headworks.kernel.moments import micros
from headworks.kernel.principal import Principal
from headworks.kernel.web import Envelope, ResponseModel, Router, envelope, provided, require
from headworks.ledger import commands
from headworks.ledger.ports import Ledger
from headworks.ledger.settings import LedgerSettings

router = Router("/ledger/counter-rebuilds")


class RebuiltOut(ResponseModel):
    """What was found."""

    different: int
    """How many counters and holds were not what the entries say: 0, always."""


@router.post("", status_code=201)
async def rebuild_counters(
    request: Request,
    principal: Annotated[Principal, require("ledger:write")],
    ledger: Annotated[Ledger, provided(Ledger)],
    settings: Annotated[LedgerSettings, provided(LedgerSettings)],
) -> Envelope[RebuiltOut]:
    """Make every counter of budgets anew from the entries. Requests go on meanwhile; usage is stored when it is done."""
    at_us = micros(now())
    async with ledger.writing(principal.organization_id) as unit:
        different = await commands.rebuild(unit, settings.expiry_us(at_us), at_us)
        return envelope(RebuiltOut(different=different), request)
