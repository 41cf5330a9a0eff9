"""The door for the web: which gateways there are in other processes, and which of them drain."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path, Request, Response

from headworks.gateway import commands, queries
from headworks.gateway.errors import GatewayNotFound
from headworks.gateway.ports import Holdings, Register
from headworks.kernel.clock import now
from headworks.kernel.money import Nanodollars, format_usd
from headworks.kernel.principal import Principal
from headworks.kernel.web import (
    Envelope,
    PageEnvelope,
    PageQuery,
    ResponseModel,
    Router,
    Timestamp,
    envelope,
    no_content,
    page_envelope,
    provided,
    raises,
    repeatable,
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
    open_requests: int | None
    """That had begun and not ended when it asked last; null where it does not tell."""
    draining_since: Timestamp | None
    """Since when it is to tell balancers to go elsewhere; null where it is not."""
    drained: bool
    """Whether it does, and has nothing open and nothing to send: it can be ended."""
    control: str
    """The process of control that it asks: an id that is new at each start."""
    held_nanodollars: int
    """What it has borrowed of all budgets of all organisations; a dollar is 1000000000."""
    held_usd: str
    """The same, exactly, in dollars."""


_GatewayId = Annotated[str, Path(max_length=64)]


@router.get("", summary="Gateways in other processes")
async def list_gateways(
    request: Request,
    _caller: Annotated[Principal, require("installation:operate")],
    register: Annotated[Register, provided(Register)],
    holdings: Annotated[Holdings, provided(Holdings)],
    paging: PageQuery,
) -> PageEnvelope[GatewayOut]:
    """Those that any control plane has heard of, by id; of those that are away, for an hour."""
    page = await queries.gateways(register, holdings, now(), paging)
    return page_envelope(page.map(_out), request)


@router.post("/{gateway_id}/drain", summary="Drain a gateway", dependencies=[repeatable(), raises(GatewayNotFound)])
async def drain_gateway(
    request: Request,
    _caller: Annotated[Principal, require("installation:operate")],
    register: Annotated[Register, provided(Register)],
    holdings: Annotated[Holdings, provided(Holdings)],
    gateway_id: _GatewayId,
) -> Envelope[GatewayOut]:
    """Its `/ready` answers 503 within a second, so that balancers leave it; it serves what still comes. It stays so, whoever restarts."""
    found = await commands.drain(register, gateway_id, now())
    return envelope(_out(queries.Shown(found, await holdings.held_by(gateway_id))), request)


@router.post(
    "/{gateway_id}/undrain",
    summary="Have a gateway serve again",
    status_code=204,
    dependencies=[repeatable(), raises(GatewayNotFound)],
)
async def undrain_gateway(
    request: Request,
    _caller: Annotated[Principal, require("installation:operate")],
    register: Annotated[Register, provided(Register)],
    gateway_id: _GatewayId,
) -> Response:
    """Balancers may send it requests again, within a second."""
    await commands.undrain(register, gateway_id, now())
    return no_content(request)


def _out(shown: queries.Shown) -> GatewayOut:
    known, one = shown.known, shown.known.gateway
    return GatewayOut(
        id=one.id,
        address=one.address,
        state="watching" if one.away_since is None else "away",
        watching_since=one.watching_since,
        away_since=one.away_since,
        last_heard_at=one.heard_at,
        version=one.said.version or None,
        revision=one.revision,
        newest_revision=max(known.newest, one.revision),
        behind=max(known.newest - one.revision, 0),
        waiting_records=one.said.waiting_records,
        open_requests=one.said.open_requests,
        draining_since=known.draining_since,
        drained=known.drained,
        control=known.control,
        held_nanodollars=shown.held,
        held_usd=format_usd(Nanodollars(shown.held)),
    )
