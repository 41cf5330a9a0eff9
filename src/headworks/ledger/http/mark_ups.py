"""Mark-ups over HTTP: what organisations pay on top of the cost. Who runs the installation sets them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request
from pydantic import Field

from headworks.kernel.clock import now
from headworks.kernel.moments import micros
from headworks.kernel.pagination import Page, PageRequest
from headworks.kernel.principal import Principal
from headworks.kernel.scopes import UnknownScope
from headworks.kernel.web import (
    Envelope,
    IfMatch,
    PageEnvelope,
    PageQuery,
    Router,
    StrictModel,
    Timestamp,
    Versioned,
    Whole,
    envelope,
    page_envelope,
    provided,
    raises,
    require,
)
from headworks.ledger import commands
from headworks.ledger.contracts import PPM, MarkUp
from headworks.ledger.errors import MarkUpExists, MarkUpNotFound, PeriodClosed
from headworks.ledger.http.shapes import LONGEST, at, maybe_micros
from headworks.ledger.ports import Ledger, ScopeNames

router = Router("/mark-ups")

_Ledger = Annotated[Ledger, provided(Ledger)]
_Names = Annotated[ScopeNames, provided(ScopeNames)]
_Reader = Annotated[Principal, require("ledger:read")]
_Operator = Annotated[Principal, require("installation:operate")]
_Whose = Annotated[
    str | None, Query(max_length=LONGEST, description="Of which organisation, for operators; your own when left out.")
]


class NewMarkUpIn(StrictModel):
    """What an organisation pays on top of the cost, from some time on."""

    organization_id: str | None = Field(None, max_length=LONGEST)
    """Yours when left out."""
    ppm: Whole = Field(json_schema_extra={"minimum": -PPM, "maximum": 100 * PPM})
    """Parts per million of the cost: 150000 is 15 percent on top, -100000 a tenth off."""
    valid_from: Timestamp | None = None
    """From now on when left out."""


class MarkUpOut(Versioned):
    """A mark-up; it holds until the next one begins."""

    organization_id: str
    ppm: int
    valid_from: Timestamp
    created_at: Timestamp


@router.get("")
async def list_mark_ups(
    request: Request, principal: _Reader, ledger: _Ledger, paging: PageQuery, organization_id: _Whose = None
) -> PageEnvelope[MarkUpOut]:
    """An organisation's mark-ups, by when they begin."""
    wanted = organization_id or principal.organization_id
    found: list[MarkUp] = []
    # Of somebody else's organisation there is nothing to be seen, as of one that does not exist.
    if wanted == principal.organization_id or principal.may("installation:operate"):
        async with ledger.reading(wanted) as reading:
            found = await reading.mark_ups()
    page = PageRequest(paging.page, paging.per_page)
    shown = Page(found[page.offset : page.offset + page.per_page], len(found), page)
    return page_envelope(shown.map(_out), request)


@router.post("", status_code=201, dependencies=[raises(MarkUpExists, PeriodClosed, UnknownScope)])
async def create_mark_up(
    request: Request, principal: _Operator, ledger: _Ledger, names: _Names, body: NewMarkUpIn
) -> Envelope[MarkUpOut]:
    """Set a mark-up. Usage that is recorded already keeps its charge, until it is rated anew."""
    wish = commands.NewMarkUp(body.ppm, maybe_micros("valid_from", body.valid_from))
    async with ledger.writing(body.organization_id or principal.organization_id) as unit:
        made = await commands.create_mark_up(unit, names, wish, micros(now()))
        return envelope(_out(made), request)


@router.delete("/{mark_up_id}", status_code=204, dependencies=[raises(MarkUpNotFound, PeriodClosed)])
async def remove_mark_up(
    principal: _Operator, ledger: _Ledger, mark_up_id: str, if_match: IfMatch, organization_id: _Whose = None
) -> None:
    """Remove a mark-up: the one before it holds on. Usage that is recorded already keeps its charge."""
    async with ledger.writing(organization_id or principal.organization_id) as unit:
        await commands.remove_mark_up(unit, mark_up_id, if_match.expects(mark_up_id))


def _out(one: MarkUp) -> MarkUpOut:
    return MarkUpOut(
        id=one.id,
        version=one.version,
        organization_id=one.organization_id,
        ppm=one.ppm,
        valid_from=at(one.valid_from_us),
        created_at=at(one.created_at_us),
    )
