"""The door for the web: which gateways there are in other processes."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Request

from headworks.gateway.domain.roster import KnownGateway, Roster
from headworks.gateway.ports import Holdings
from headworks.kernel.money import Nanodollars, format_usd
from headworks.kernel.pagination import page_of
from headworks.kernel.principal import Principal
from headworks.kernel.web import (
    PageEnvelope,
    PageQuery,
    ResponseModel,
    Router,
    Timestamp,
    page_envelope,
    provided,
    require,
)

router = Router("/api/v1/gateways", tags=["operations"])


class GatewayOut(ResponseModel):
    """A gateway in another process."""

    id: str
    """Of its spool."""
    address: str
    """From where it is connected."""
    state: Literal["watching", "away"]
    watching_since: Timestamp | None
    """Null while it is away."""
    away_since: Timestamp | None
    """Null while it watches; an hour later it is forgotten."""
    last_heard_at: Timestamp
    """When it asked something last. One that watches and has nothing to ask is well all the same."""
    version: str | None
    """Of its Headworks; null where it does not tell."""
    revision: int
    """The last change that it was told."""
    newest_revision: int
    """The last change that there was."""
    behind: int
    """How many changes it has not been told."""
    waiting_records: int | None
    """Usage in its spool that the broker had not taken when it asked last; null where it does not tell."""
    held_nanodollars: int
    """What it has borrowed of all budgets of all organisations; a dollar is 1000000000."""
    held_usd: str
    """The same, exactly, in dollars."""


@router.get("", summary="Gateways in other processes")
async def list_gateways(
    request: Request,
    _caller: Annotated[Principal, require("installation:operate")],
    roster: Annotated[Roster, provided(Roster)],
    holdings: Annotated[Holdings, provided(Holdings)],
    paging: PageQuery,
) -> PageEnvelope[GatewayOut]:
    """Those that this control plane has heard of since it began, by id; of those that are away, for an hour."""
    newest = roster.newest
    page = page_of(roster.gateways(), paging)
    held = {one.id: await holdings.held_by(one.id) for one in page.items}
    return page_envelope(page.map(lambda one: _out(one, newest, held[one.id])), request)


def _out(one: KnownGateway, newest: int, held: int) -> GatewayOut:
    return GatewayOut(
        id=one.id,
        address=one.address,
        state="watching" if one.away_since is None else "away",
        watching_since=one.watching_since,
        away_since=one.away_since,
        last_heard_at=one.heard_at,
        version=one.version or None,
        revision=one.revision,
        newest_revision=max(newest, one.revision),
        behind=max(newest - one.revision, 0),
        waiting_records=one.waiting_records,
        held_nanodollars=held,
        held_usd=format_usd(Nanodollars(held)),
    )
