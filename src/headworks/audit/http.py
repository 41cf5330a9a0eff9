"""The door for the web: the audit trail under `/api/v1/audit-events`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from headworks.audit import queries
from headworks.audit.contracts import Listed, Place, TrailReport, Wanted
from headworks.audit.domain import anchors
from headworks.audit.errors import MalformedAnchor
from headworks.audit.ports import Trails
from headworks.kernel.errors import Invalid
from headworks.kernel.moments import micros, moment
from headworks.kernel.pagination import MOST_PER_PAGE, PER_PAGE, CursorPage, decode_cursor, encode_cursor
from headworks.kernel.principal import Principal
from headworks.kernel.web import (
    CursorEnvelope,
    Envelope,
    ResponseModel,
    Router,
    StrictModel,
    Timestamp,
    cursor_envelope,
    envelope,
    provided,
    raises,
    require,
)

router = Router("/api/v1/audit-events", tags=["audit"])

_Trails = Annotated[Trails, provided(Trails)]
_Reader = Annotated[Principal, require("audit:read")]
_Operator = Annotated[Principal, require("installation:operate")]
_LONGEST = 128
_NOBODYS = "-"
"""No organisation has this id."""


class AuditEventOut(ResponseModel):
    """One change: who, what, before and after, from where."""

    id: str
    at: Timestamp
    actor_kind: str
    """`user`, `service_account`, `key`, `directory` for a company's, `system` for Headworks itself, or `anonymous` for whoever had not said who they are."""
    actor_id: str
    organization_id: str
    """Whose thing was changed; empty where it is the installation's."""
    action: str
    resource_type: str
    resource_id: str
    before: Any = Field(description="What it was, without secrets; null where it was not there.")
    after: Any = Field(description="What it is now, without secrets; null where it is gone.")
    source: str | None = Field(description="The IP address that the request came from.")
    request_id: str | None
    trail: str = Field(description="The chain that the entry is of: the part of Headworks that was changed.")
    sequence: int | None = Field(description="Its number in that chain; for operators, who see all of it.")
    hash: str = Field(description="HMAC-SHA256 over the entry and the hash before it; SHA-256 where there is no key.")
    key_id: str | None = Field(description="Which key made the hash; null for entries from before there were keys.")


_COPIED = tuple(name for name in AuditEventOut.model_fields if name != "trail")


class FaultOut(ResponseModel):
    """The first place where a chain does not hold."""

    sequence: int
    id: str | None
    problem: str


class TrailOut(ResponseModel):
    """What checking one chain found."""

    trail: str
    intact: bool
    entries: int
    """How many hold."""
    unkeyed: int
    """How many of those are from before there were keys: plain hashes, which anybody could have made."""
    anchor: str
    """The last entry that holds, as TRAIL:SEQUENCE:HASH."""
    fault: FaultOut | None


class VerificationOut(ResponseModel):
    """What checking every chain found."""

    intact: bool
    trails: list[TrailOut]


class ExportQuery(StrictModel):
    """Which entries; what is left out is not asked for."""

    actor_id: str | None = Field(None, max_length=_LONGEST, description="Who did it.")
    action: str | None = Field(
        None, max_length=_LONGEST, description="Such as `key.revoked`, or `key.*` for all of a noun."
    )
    resource_type: str | None = Field(None, max_length=_LONGEST, description="Such as `provider`.")
    resource_id: str | None = Field(None, max_length=_LONGEST, description="The id of what was changed.")
    request_id: str | None = Field(None, max_length=_LONGEST, description="By which request.")
    organization_id: str | None = Field(None, max_length=_LONGEST, description="Of which organisation; for operators.")
    since: Timestamp | None = Field(None, alias="from", description="From this time on.")
    until: Timestamp | None = Field(None, alias="to", description="Before this time.")

    def wanted(self, caller: Principal) -> Wanted:
        """What the caller may see of it."""
        asked = self.model_dump(include={field.name for field in fields(Wanted)})
        if _is_operator(caller) or self.organization_id == caller.organization_id:
            return Wanted(**asked)
        # Somebody else's organisation is one that has no entries, as is one that does not exist.
        own = caller.organization_id if self.organization_id is None else _NOBODYS
        return Wanted(**{**asked, "organization_id": own})


class EventsQuery(ExportQuery):
    """Which entries, and which stretch of their list."""

    cursor: str | None = Field(None, max_length=1024, description="From `links.next`.")
    per_page: int = Field(PER_PAGE, ge=1, le=MOST_PER_PAGE, description="Items at once.")


@router.get("", summary="List changes")
async def list_audit_events(
    request: Request, caller: _Reader, trails: _Trails, query: Annotated[EventsQuery, Query()]
) -> CursorEnvelope[AuditEventOut]:
    """Who changed what, the newest first: in the caller's organisation, or everywhere for an operator."""
    after = None if query.cursor is None else _place(query.cursor)
    found = await queries.newest(trails, query.wanted(caller), after, query.per_page + 1)
    shown = found[: query.per_page]
    following = _cursor(shown[-1].place) if len(found) > query.per_page else None
    return cursor_envelope(CursorPage([_out(one, caller) for one in shown], following), request)


@router.get("/export", summary="Export changes", response_class=StreamingResponse)
async def export_audit_events(
    caller: _Reader, trails: _Trails, query: Annotated[ExportQuery, Query()]
) -> StreamingResponse:
    """The same as JSON lines, all of it, the newest first."""
    return StreamingResponse(_lines(trails, query.wanted(caller), caller), media_type="application/x-ndjson")


@router.get("/verify", summary="Check for tampering", dependencies=[raises(MalformedAnchor)])
async def verify_audit_trail(
    request: Request,
    _caller: _Operator,
    trails: _Trails,
    anchor: Annotated[
        list[str] | None, Query(max_length=16, description="TRAIL:SEQUENCE:HASH, as the log has it; to check against.")
    ] = None,
) -> Envelope[VerificationOut]:
    """Go through every chain from its beginning: is anything changed, missing, out of place, cut off or signed by others?

    Who can write to the database can put an older state of all of it back. Only an anchor that was kept elsewhere shows that.
    """
    noted = anchors(anchor or (), [reader.name for reader in trails.readers])
    reports = await queries.verify(trails, noted)
    intact = all(report.fault is None for report in reports)
    return envelope(VerificationOut(intact=intact, trails=[_trail_out(report) for report in reports]), request)


async def _lines(trails: Trails, wanted: Wanted, caller: Principal) -> AsyncIterator[str]:
    async for one in queries.everything(trails, wanted):
        yield _out(one, caller).model_dump_json() + "\n"


def _is_operator(caller: Principal) -> bool:
    return caller.may("installation:operate")


def _cursor(place: Place) -> str:
    return encode_cursor(micros(place.at), place.id)


def _place(cursor: str) -> Place:
    """Raises Invalid."""
    at_us, entry_id = decode_cursor(cursor, int, str)
    try:
        return Place(moment(int(at_us)), str(entry_id))
    except OverflowError:
        raise Invalid.field("query.cursor", "malformed", "is not a cursor of this list") from None


def _out(one: Listed, caller: Principal) -> AuditEventOut:
    entry = one.entry
    shown = {name: getattr(entry, name) for name in _COPIED}
    views = {name: _json(shown[name]) for name in ("before", "after")}
    # How many changes others make is theirs to know.
    sequence = entry.sequence if _is_operator(caller) else None
    return AuditEventOut.model_validate({**shown, **views, "trail": one.trail, "sequence": sequence})


def _json(text: str | None) -> object:
    """Of a view; the text itself where somebody made it something else, which `verify` tells."""
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text


def _trail_out(report: TrailReport) -> TrailOut:
    fault = report.fault
    return TrailOut(
        trail=report.trail,
        intact=fault is None,
        entries=report.entries,
        unkeyed=report.unkeyed,
        anchor=str(report.anchor),
        fault=None if fault is None else FaultOut(sequence=fault.sequence, id=fault.entry_id, problem=fault.problem),
    )
