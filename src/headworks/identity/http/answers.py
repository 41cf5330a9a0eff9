"""What the doors of sign-in share: what they answer, the cookies they set, and who knocks."""

from __future__ import annotations

from typing import Literal

from fastapi import Request, Response

from headworks.identity.commands.refresh import Presented
from headworks.identity.commands.sessions import Client, Granted
from headworks.identity.errors import InvalidRefreshToken, UserNeeded
from headworks.kernel.principal import Principal
from headworks.kernel.secrets import Secret
from headworks.kernel.web import (
    CSRF_HEADER,
    ResponseModel,
    Timestamp,
    check_same_site,
    client_address,
    cookie_names,
    set_cookie,
)


class SignedInUserOut(ResponseModel):
    """Who signed in."""

    id: str
    email: str
    name: str


class GrantedOut(ResponseModel):
    """A session, and its tokens unless they went into cookies."""

    session_id: str
    user: SignedInUserOut
    organization_id: str | None
    """Where they act; null for who belongs to no organisation."""
    must_change_password: bool
    """Whether every other route is closed until they have chosen their own."""
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme
    access_token: str | None
    access_token_expires_at: Timestamp
    refresh_token: str | None
    """To be sent once, to get the next pair; null where the one before stays."""
    csrf_token: str | None
    """For a browser: to be sent as `X-CSRF-Token` with whatever may change something. It is in a cookie too."""
    session_expires_at: Timestamp


def client_of(request: Request) -> Client:
    """Who knocks."""
    return Client(client_address(request.headers) or "", request.headers.get("user-agent", ""))


def session_of(caller: Principal) -> tuple[str, str]:
    """The caller's own id and session's. Raises UserNeeded for a key."""
    if caller.kind != "user" or caller.session_id is None:
        raise UserNeeded("This is for people who signed in: POST /api/v1/auth/login. A key has no password or session.")
    return caller.id, caller.session_id


def granted_out(granted: Granted, request: Request, response: Response) -> GrantedOut:
    """The answer; a browser's tokens go into cookies and nowhere else."""
    by_cookie = granted.session.carriage == "cookie"
    if by_cookie:
        _set_cookies(granted, request, response)
    return GrantedOut(
        session_id=granted.session.id,
        user=SignedInUserOut.model_validate(granted.user),
        organization_id=granted.session.organization_id or None,
        must_change_password=granted.must_change_password,
        access_token=None if by_cookie else granted.access_token.reveal(),
        access_token_expires_at=granted.access_expires_at,
        refresh_token=None if by_cookie else _text(granted.refresh_token),
        csrf_token=_text(granted.csrf_token),
        session_expires_at=granted.session.expires_at,
    )


def clear_cookies(request: Request, response: Response) -> None:
    """Take all three away."""
    for name in cookie_names(request):
        if name in request.cookies:
            set_cookie(response, request, name, "", 0)


def presented(request: Request, from_body: Secret | None) -> Presented:
    """The refresh token: of the body, or of the cookie with its proof. Raises InvalidRefreshToken, CrossSiteRequest."""
    cookie = request.cookies.get(cookie_names(request)[1])
    if from_body is not None:
        return Presented(from_body)
    if cookie is None:
        raise InvalidRefreshToken("No refresh token was sent: put it into the body as `refresh_token`.")
    check_same_site(request)
    return Presented(Secret(cookie), Secret(request.headers.get(CSRF_HEADER, "")), by_cookie=True)


def _set_cookies(granted: Granted, request: Request, response: Response) -> None:
    access, refresh, csrf = cookie_names(request)
    session = granted.session
    whole = max(0, int((session.expires_at - session.last_seen_at).total_seconds()))
    set_cookie(response, request, access, granted.access_token.reveal(), whole)
    if granted.refresh_token is not None:
        set_cookie(response, request, refresh, granted.refresh_token.reveal(), whole)
    if granted.csrf_token is not None:
        set_cookie(response, request, csrf, granted.csrf_token.reveal(), whole, scripts=True)


def _text(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()
