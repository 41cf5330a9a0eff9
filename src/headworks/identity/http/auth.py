"""The way in, the way on and the way out, and one's own password."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Request, Response
from pydantic import Field

from headworks.identity.commands.passwords import Passwords
from headworks.identity.commands.refresh import Refresh
from headworks.identity.commands.sessions import Limits, revoke_session
from headworks.identity.commands.sign_in import SignIn, Wish
from headworks.identity.errors import (
    CsrfRefused,
    InvalidRefreshToken,
    NotYourOrganization,
    RefreshTokenReused,
    SecondFactorRequired,
    SessionIsOver,
    SessionNotFound,
    SignInBusy,
    SsoSessionBound,
    TooManyTries,
    UserNeeded,
    WrongCredentials,
    WrongSecondFactor,
)
from headworks.identity.http.answers import GrantedOut, clear_cookies, client_of, granted_out, presented, session_of
from headworks.identity.ports import SignInStore
from headworks.identity.settings import SignInSettings
from headworks.kernel.clock import now
from headworks.kernel.principal import Principal
from headworks.kernel.secrets import Secret
from headworks.kernel.web import (
    Envelope,
    Router,
    StrictModel,
    check_same_site,
    envelope,
    provided,
    public,
    raises,
    repeatable,
    require,
)
from headworks.kernel.web.browser import CrossSiteRequest

router = Router("/auth")


class LoginBody(StrictModel):
    """What somebody signs in with."""

    email: str = Field(max_length=320, examples=["ada@example.org"])
    password: Secret
    mode: Literal["token", "cookie"] = Field(
        "token", description="`cookie` for browsers: the tokens go into cookies that scripts cannot read."
    )
    code: str | None = Field(
        None, max_length=16, description="Six digits of an authenticator app, where one is set up."
    )
    recovery_code: str | None = Field(None, max_length=64, description="Instead of `code`, when the app was lost.")
    organization_id: str | None = Field(
        None, max_length=128, description="Where to act; the oldest of one's organisations when left out."
    )


class RefreshBody(StrictModel):
    """The way on for a program; a browser sends its cookie instead."""

    refresh_token: Secret | None = None


class SwitchBody(StrictModel):
    """Where to act from now on."""

    organization_id: str = Field(max_length=128)


class PasswordBody(StrictModel):
    """Another password."""

    current_password: Secret
    new_password: Secret = Field(description="10 characters or more, 72 bytes at most; none that anybody would guess.")


@router.post(
    "/login",
    summary="Sign in",
    dependencies=[
        public(),
        raises(
            CrossSiteRequest,
            NotYourOrganization,
            SecondFactorRequired,
            SignInBusy,
            TooManyTries,
            WrongCredentials,
            WrongSecondFactor,
        ),
    ],
)
async def login(
    request: Request, response: Response, body: LoginBody, sign_in: Annotated[SignIn, provided(SignIn)]
) -> Envelope[GrantedOut]:
    """Begin a session. A wrong email and a wrong password answer alike; too many tries have to wait."""
    if body.mode == "cookie":
        check_same_site(request)
    wish = Wish(
        email=body.email,
        password=body.password,
        code=body.code,
        recovery_code=body.recovery_code,
        organization_id=body.organization_id,
        carriage="cookie" if body.mode == "cookie" else "bearer",
    )
    granted = await sign_in(wish, client_of(request))
    return envelope(granted_out(granted, request, response), request)


@router.post(
    "/refresh",
    summary="Go on",
    dependencies=[
        public(),
        raises(
            CrossSiteRequest, CsrfRefused, InvalidRefreshToken, RefreshTokenReused, NotYourOrganization, SessionIsOver
        ),
    ],
)
async def refresh(
    request: Request, response: Response, body: RefreshBody, go_on: Annotated[Refresh, provided(Refresh)]
) -> Envelope[GrantedOut]:
    """Another access token for a refresh token, which is used up; one that comes twice ends its session."""
    granted = await go_on(presented(request, body.refresh_token), client_of(request))
    return envelope(granted_out(granted, request, response), request)


@router.post(
    "/logout", summary="Sign out", status_code=204, dependencies=[repeatable(), raises(SessionNotFound, UserNeeded)]
)
async def logout(
    request: Request,
    caller: Annotated[Principal, require("account:use", before_password_change=True)],
    store: Annotated[SignInStore, provided(SignInStore)],
    settings: Annotated[SignInSettings, provided(SignInSettings)],
) -> Response:
    """End this session; its tokens are worth nothing from here on."""
    user_id, session_id = session_of(caller)
    async with store.transaction() as unit:
        await revoke_session(unit, user_id, session_id, Limits(settings, now()), "signed_out")
    response = Response(status_code=204)
    clear_cookies(request, response)
    return response


@router.post(
    "/password",
    summary="Change one's password",
    status_code=204,
    dependencies=[repeatable(), raises(SignInBusy, TooManyTries, UserNeeded, WrongCredentials)],
)
async def change_password(
    request: Request,
    body: PasswordBody,
    caller: Annotated[Principal, require("account:use", before_password_change=True)],
    passwords: Annotated[Passwords, provided(Passwords)],
) -> Response:
    """It asks for the current one, and ends one's other sessions."""
    session_of(caller)
    await passwords.change(caller, body.current_password, body.new_password, client_of(request))
    return Response(status_code=204)


@router.post(
    "/switch",
    summary="Act in another organisation",
    dependencies=[repeatable(), raises(NotYourOrganization, SessionIsOver, SsoSessionBound, UserNeeded)],
)
async def switch(
    request: Request,
    response: Response,
    body: SwitchBody,
    caller: Annotated[Principal, require("account:use")],
    go_on: Annotated[Refresh, provided(Refresh)],
) -> Envelope[GrantedOut]:
    """The same session in another of one's organisations. Access tokens for the one before end here."""
    session_of(caller)
    return envelope(granted_out(await go_on.switch(caller, body.organization_id), request, response), request)
