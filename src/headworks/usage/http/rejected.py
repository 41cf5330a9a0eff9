"""Usage that could not be stored, and was put aside with the reason: of every organisation, for operators."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request

from headworks.kernel.pagination import MOST_PER_PAGE, PER_PAGE
from headworks.kernel.principal import Principal
from headworks.kernel.web import (
    CursorEnvelope,
    ResponseModel,
    Router,
    Timestamp,
    cursor_envelope,
    provided,
    require,
)
from headworks.usage import queries
from headworks.usage.ports import Rejection, UsageStore

router = Router()


class RejectedUsageEventOut(ResponseModel):
    """An event that is no record, counts for no budget, and is in no report."""

    id: str
    """SHA-256 of its text: an event that is delivered again is put aside once."""
    rejected_at: Timestamp
    reason: str
    event: str
    """As it came, in the order of the fields of a usage event; cut after 4,096 characters."""


@router.get("/rejected-usage-events")
async def list_rejected_usage_events(
    request: Request,
    _principal: Annotated[Principal, require("installation:operate")],
    store: Annotated[UsageStore, provided(UsageStore)],
    cursor: Annotated[str | None, Query(max_length=1024, description="From `links.next`.")] = None,
    per_page: Annotated[int, Query(ge=1, le=MOST_PER_PAGE)] = PER_PAGE,
) -> CursorEnvelope[RejectedUsageEventOut]:
    """What was put aside, the newest first: nothing, where all is well."""
    async with store.read(None) as reading:
        found = await queries.rejections(reading, cursor, per_page)
    return cursor_envelope(found.map(_out), request)


def _out(one: Rejection) -> RejectedUsageEventOut:
    return RejectedUsageEventOut(id=one.digest, rejected_at=one.rejected_at, reason=one.reason, event=one.event)
