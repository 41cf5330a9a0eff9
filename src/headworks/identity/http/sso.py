"""Signing in by the organisation's directory: the way out, the way back, and the last step of a command line."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field

from headworks.identity.commands.sso.begin import BeginSso, SsoWish
from headworks.identity.commands.sso.finish import FinishSso, Returned
from headworks.identity.commands.sso.letting_in import LettingIn
from headworks.identity.domain.sso.flow import CHALLENGE, CLIENT_STATE, LASTS, Loopback, checked_loopback, mark_of
from headworks.identity.errors import (
    NoSingleSignOn,
    PublicUrlNeeded,
    SsoAttemptRefused,
    SsoEmailNotVerified,
    SsoNoRole,
    SsoNotAllowed,
    SsoNotForOperators,
    SsoProviderFailed,
    SsoRefused,
    TooManyTries,
)
from headworks.identity.http.answers import GrantedOut, client_of, granted_out
from headworks.identity.http.own_origin import is_elsewhere, own_origin, redirect_uri
from headworks.identity.settings import SsoSettings
from headworks.kernel.secrets import Secret
from headworks.kernel.web import (
    Envelope,
    Router,
    StrictModel,
    envelope,
    for_browsers,
    is_plain_loopback,
    provided,
    public,
    raises,
    set_cookie,
)

router = Router("/auth/sso")

_SEE_OTHER = 303
_Settings = Annotated[SsoSettings, provided(SsoSettings)]
_MOVED: dict[int | str, dict[str, Any]] = {
    _SEE_OTHER: {"description": "Where the browser goes now.", "headers": {"Location": {"schema": {"type": "string"}}}}
}
_NO_REFERRER = {"referrer-policy": "no-referrer"}
"""Addresses on this way hold codes and states."""


class TokenBody(StrictModel):
    """What a command line got on its loopback address, and what it began with."""

    code: Secret
    code_verifier: Secret = Field(description="Of the `code_challenge` that it began with (RFC 7636).")


class StartQuery:
    """How somebody wants to sign in."""

    def __init__(
        self,
        return_to: Annotated[str, Query(description="Where it is to end: a path on this server.")] = "/",
        connection: Annotated[
            str | None, Query(max_length=512, description="Id or name; the oldest that is enabled when left out.")
        ] = None,
        loopback_port: Annotated[int | None, Query(description="Where a command line listens, on 127.0.0.1.")] = None,
        code_challenge: Annotated[
            str | None,
            Query(description="Of that command line (S256).", json_schema_extra={"pattern": f"^{CHALLENGE}$"}),
        ] = None,
        client_state: Annotated[
            str | None,
            Query(description="What it gets back with its code.", json_schema_extra={"pattern": f"^{CLIENT_STATE}$"}),
        ] = None,
        *,
        moved: Annotated[
            bool, Query(description="Whether the browser was sent to `HEADWORKS_PUBLIC_URL` already.")
        ] = False,
    ) -> None:
        self.return_to = return_to
        self.connection = connection
        self.loopback_port = loopback_port
        self.code_challenge = code_challenge
        self.client_state = client_state
        self.moved = moved

    @property
    def waiting(self) -> Loopback | None:
        """The command line that waits for it. Raises Invalid."""
        return checked_loopback(self.loopback_port, self.code_challenge, self.client_state)


@router.get(
    "/callback",
    summary="Come back from the directory",
    status_code=_SEE_OTHER,
    response_class=RedirectResponse,
    responses=_MOVED,
    dependencies=[
        public(),
        for_browsers(),
        raises(
            SsoAttemptRefused,
            SsoEmailNotVerified,
            SsoNoRole,
            SsoNotAllowed,
            SsoNotForOperators,
            SsoProviderFailed,
            SsoRefused,
            TooManyTries,
        ),
    ],
)
async def finish_single_sign_on(
    request: Request,
    finish: Annotated[FinishSso, provided(FinishSso)],
    state: Annotated[str | None, Query(description="As it was sent.")] = None,
    code: Annotated[str | None, Query(description="For the ID token.")] = None,
    error: Annotated[str | None, Query(description="Instead of `code`.")] = None,
    issuer: Annotated[str | None, Query(alias="iss", description="Who answers (RFC 9207).")] = None,
) -> Response:
    """Sets the session's cookies and leads to where the sign-in was to end. What else a directory adds is passed over."""
    cookie = _cookie(request, state or "")
    browser = request.cookies.get(cookie)
    returned = Returned(state, code, error, issuer, None if browser is None else Secret(browser))
    arrived = await finish(returned, client_of(request))
    response = RedirectResponse(arrived.return_to, _SEE_OTHER, _NO_REFERRER)
    set_cookie(response, request, cookie, "", 0)
    if arrived.granted is not None:
        granted_out(arrived.granted, request, response)
    return response


@router.post(
    "/token",
    summary="Finish signing in on a command line",
    dependencies=[
        public(),
        raises(SsoAttemptRefused, SsoNotAllowed, TooManyTries),
    ],
)
async def exchange_single_sign_on(
    request: Request, response: Response, body: TokenBody, letting_in: Annotated[LettingIn, provided(LettingIn)]
) -> Envelope[GrantedOut]:
    """A session for the code that came to the loopback address: once, within a minute, for who began it."""
    granted = await letting_in.exchange(body.code, body.code_verifier, client_of(request))
    return envelope(granted_out(granted, request, response), request)


@router.get(
    "/{organization}/start",
    summary="Go to the directory",
    status_code=_SEE_OTHER,
    response_class=RedirectResponse,
    responses=_MOVED,
    dependencies=[
        public(),
        for_browsers(),
        raises(NoSingleSignOn, PublicUrlNeeded, SsoProviderFailed, TooManyTries),
    ],
)
async def begin_single_sign_on(
    request: Request,
    organization: Annotated[str, Path(max_length=512, description="Its id or its name.")],
    begin: Annotated[BeginSso, provided(BeginSso)],
    settings: _Settings,
    wanted: Annotated[StartQuery, Depends()],
) -> Response:
    """Leads the browser to the organisation's directory, where people say who they are."""
    if is_elsewhere(request, settings) and not wanted.moved:
        # Else the browser would come back to another host than the one it has the cookie of.
        here = request.url.include_query_params(moved="true")
        return RedirectResponse(f"{own_origin(request, settings)}{here.path}?{here.query}", _SEE_OTHER, _NO_REFERRER)
    wish = SsoWish(organization, redirect_uri(request, settings), wanted.return_to, wanted.connection, wanted.waiting)
    sent = await begin(wish, client_of(request))
    response = RedirectResponse(sent.url, _SEE_OTHER, _NO_REFERRER)
    lasts = int(LASTS.total_seconds())
    set_cookie(response, request, _cookie(request, sent.ticket.state), sent.ticket.browser.reveal(), lasts)
    return response


def _cookie(request: Request, state: str) -> str:
    """Of one sign-in. With TLS for this host alone: no neighbour can plant it."""
    prefix = "" if is_plain_loopback(request) else "__Host-"
    return f"{prefix}headworks-sso-{mark_of(state)}"
