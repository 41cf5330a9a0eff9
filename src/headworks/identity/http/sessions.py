"""One's sessions, oneself, and the keys that verify access tokens."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path, Request, Response

from headworks.identity.commands.sessions import Limits, reach_of, revoke_others, revoke_session
from headworks.identity.contracts import Carriage, Role
from headworks.identity.errors import SessionNotFound, UserNeeded
from headworks.identity.http.answers import SignedInUserOut, session_of
from headworks.identity.ports import SignInStore
from headworks.identity.queries.tokens import PublicKeys
from headworks.identity.settings import SignInSettings
from headworks.kernel.clock import now
from headworks.kernel.permissions import Permission
from headworks.kernel.principal import Principal
from headworks.kernel.web import (
    Envelope,
    PageEnvelope,
    PageQuery,
    ResponseModel,
    Router,
    Timestamp,
    envelope,
    page_envelope,
    provided,
    public,
    raises,
    require,
)

router = Router()
well_known = Router()

Store = Annotated[SignInStore, provided(SignInStore)]
Settings = Annotated[SignInSettings, provided(SignInSettings)]
Caller = Annotated[Principal, require("account:use")]
_JWKS_HEADERS = {"cache-control": "public, max-age=300"}


class SessionOut(ResponseModel):
    """A session, without its tokens."""

    id: str
    organization_id: str
    carriage: Carriage
    created_at: Timestamp
    last_seen_at: Timestamp
    expires_at: Timestamp
    source: str
    user_agent: str
    is_current: bool


class OwnMembershipOut(ResponseModel):
    """Where one belongs, and as what."""

    organization_id: str
    role: Role


class MeOut(ResponseModel):
    """Who calls, and what they may do where they act."""

    id: str
    kind: Literal["user", "service_account", "key", "directory", "system"]
    user: SignedInUserOut | None
    """Null for a key that belongs to no user."""
    is_operator: bool
    organization_id: str | None
    memberships: list[OwnMembershipOut]
    permissions: list[Permission]
    session_id: str | None
    must_change_password: bool


class JwkOut(ResponseModel):
    """A public key (RFC 7517)."""

    kty: str
    crv: str
    x: str
    y: str
    kid: str
    use: str
    alg: str


class JwksOut(ResponseModel):
    """The public keys that verify access tokens: the newest signs, older ones go when their last token is over."""

    keys: list[JwkOut]


@router.get("/me", summary="Who am I?")
async def me(
    request: Request,
    caller: Annotated[Principal, require("account:use", before_password_change=True)],
    store: Store,
) -> Envelope[MeOut]:
    """The caller, and what they may do where they act."""
    async with store.read() as reading:
        user = await reading.user(caller.id) if caller.kind == "user" else None
        memberships = await reading.memberships(caller.id) if user is not None else []
        reach = await reach_of(reading, caller.session_id or "")
    out = MeOut(
        id=caller.id,
        kind=caller.kind,
        user=None if user is None else SignedInUserOut.model_validate(user),
        is_operator=user is not None and user.is_operator and reach is None,
        organization_id=caller.organization_id or None,
        memberships=[
            OwnMembershipOut.model_validate(one) for one in memberships if reach in (None, one.organization_id)
        ],
        permissions=sorted(caller.permissions),
        session_id=caller.session_id,
        must_change_password=caller.must_change_password,
    )
    return envelope(out, request)


@router.get("/sessions", summary="List one's sessions", dependencies=[raises(UserNeeded)])
async def list_sessions(
    request: Request, caller: Caller, store: Store, settings: Settings, paging: PageQuery
) -> PageEnvelope[SessionOut]:
    """Those that can still be used, the newest first."""
    user_id, session_id = session_of(caller)
    at = now()
    async with store.read() as reading:
        reach = await reach_of(reading, session_id)
        page = await reading.sessions(user_id, at, at - settings.idle, paging, within=reach)
    names = set(SessionOut.model_fields) - {"is_current"}
    return page_envelope(
        page.map(
            lambda one: SessionOut.model_validate(
                {**{name: getattr(one, name) for name in names}, "is_current": one.id == session_id}
            )
        ),
        request,
    )


@router.delete("/sessions", summary="End one's other sessions", status_code=204, dependencies=[raises(UserNeeded)])
async def revoke_other_sessions(caller: Caller, store: Store) -> Response:
    """All but this one."""
    user_id, session_id = session_of(caller)
    async with store.transaction() as unit:
        await revoke_others(unit, user_id, session_id, now(), within=await reach_of(unit, session_id))
    return Response(status_code=204)


@router.delete(
    "/sessions/{session_id}",
    summary="End a session",
    status_code=204,
    dependencies=[raises(SessionNotFound, UserNeeded)],
)
async def revoke_one_session(
    session_id: Annotated[str, Path(max_length=128, description="Such as `ses_01k9…`.")],
    caller: Caller,
    store: Store,
    settings: Settings,
) -> Response:
    """One of one's own. Its tokens are worth nothing from here on."""
    user_id, own = session_of(caller)
    async with store.transaction() as unit:
        reach = await reach_of(unit, own)
        await revoke_session(unit, user_id, session_id, Limits(settings, now()), within=reach)
    return Response(status_code=204)


@well_known.get("/.well-known/jwks.json", summary="Keys that verify access tokens", dependencies=[public()])
async def jwks(response: Response, keys: Annotated[PublicKeys, provided(PublicKeys)]) -> JwksOut:
    """In the form of RFC 7517, without the envelope."""
    response.headers.update(_JWKS_HEADERS)
    return JwksOut(keys=[JwkOut(**key) for key in await keys.published()])
