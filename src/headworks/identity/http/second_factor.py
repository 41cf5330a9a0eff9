"""One's second factor: an authenticator app, and the recovery codes for when it is lost."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request, Response
from pydantic import Field

from headworks.identity.commands.second_factor import SecondFactors
from headworks.identity.errors import (
    NoSecondFactor,
    SecondFactorExists,
    SignInBusy,
    TooManyTries,
    UserNeeded,
    WrongCredentials,
    WrongSecondFactor,
)
from headworks.identity.http.answers import client_of, session_of
from headworks.identity.ports import SignInStore
from headworks.kernel.principal import Principal
from headworks.kernel.secrets import Secret
from headworks.kernel.web import (
    Envelope,
    ResponseModel,
    Router,
    StrictModel,
    Timestamp,
    envelope,
    provided,
    raises,
    repeatable,
    require,
)

router = Router("/auth/totp")

Factors = Annotated[SecondFactors, provided(SecondFactors)]
Caller = Annotated[Principal, require("account:use")]


class ConfirmedBody(StrictModel):
    """One's password, for what makes the account weaker or stronger."""

    password: Secret


class CodeBody(StrictModel):
    """Proof that the app has the secret."""

    code: str = Field(max_length=16, description="Six digits.", examples=["123456"])


class SecondFactorOut(ResponseModel):
    """Whether there is one."""

    confirmed_at: Timestamp | None
    recovery_codes_left: int


class SetUpOut(ResponseModel):
    """What the app has to be told, shown this once."""

    secret: str
    """Base 32, for typing."""
    uri: str
    """`otpauth:`, for a QR code."""


class RecoveryCodesOut(ResponseModel):
    """Shown this once; each works once."""

    recovery_codes: list[str]


@router.get("", summary="Show one's second factor", dependencies=[raises(UserNeeded)])
async def show_second_factor(
    request: Request, caller: Caller, store: Annotated[SignInStore, provided(SignInStore)]
) -> Envelope[SecondFactorOut]:
    """When it was confirmed; null where there is none in force."""
    user_id, _ = session_of(caller)
    async with store.read() as reading:
        factor = await reading.second_factor(user_id)
        left = await reading.recovery_codes_left(user_id)
    confirmed_at = factor.confirmed_at if factor is not None else None
    return envelope(SecondFactorOut(confirmed_at=confirmed_at, recovery_codes_left=left), request)


@router.post(
    "",
    summary="Set up a second factor",
    status_code=201,
    dependencies=[repeatable(), raises(SecondFactorExists, SignInBusy, TooManyTries, UserNeeded, WrongCredentials)],
)
async def set_up_second_factor(
    request: Request, response: Response, body: ConfirmedBody, caller: Caller, factors: Factors
) -> Envelope[SetUpOut]:
    """A secret for an authenticator app. Nothing changes until it is confirmed with a code."""
    user_id, _ = session_of(caller)
    made = await factors.set_up(user_id, body.password, client_of(request))
    response.headers["location"] = "/api/v1/auth/totp"
    return envelope(SetUpOut(secret=made.secret.reveal(), uri=made.uri.reveal()), request)


@router.post(
    "/confirm",
    summary="Put the second factor in force",
    dependencies=[repeatable(), raises(NoSecondFactor, UserNeeded, WrongSecondFactor)],
)
async def confirm_second_factor(
    request: Request, body: CodeBody, caller: Caller, factors: Factors
) -> Envelope[RecoveryCodesOut]:
    """From now on signing in asks for a code. The recovery codes are shown this once."""
    user_id, _ = session_of(caller)
    return envelope(_codes_out(await factors.confirm(user_id, body.code)), request)


@router.post(
    "/recovery-codes",
    summary="Make new recovery codes",
    dependencies=[repeatable(), raises(NoSecondFactor, SignInBusy, TooManyTries, UserNeeded, WrongCredentials)],
)
async def renew_recovery_codes(
    request: Request, body: ConfirmedBody, caller: Caller, factors: Factors
) -> Envelope[RecoveryCodesOut]:
    """The old ones stop working."""
    user_id, _ = session_of(caller)
    return envelope(_codes_out(await factors.renew_codes(user_id, body.password, client_of(request))), request)


@router.post(
    "/remove",
    summary="Remove one's second factor",
    status_code=204,
    dependencies=[repeatable(), raises(NoSecondFactor, SignInBusy, TooManyTries, UserNeeded, WrongCredentials)],
)
async def remove_second_factor(request: Request, body: ConfirmedBody, caller: Caller, factors: Factors) -> Response:
    """With its recovery codes."""
    user_id, _ = session_of(caller)
    await factors.remove(user_id, body.password, client_of(request))
    return Response(status_code=204)


def _codes_out(codes: list[Secret]) -> RecoveryCodesOut:
    return RecoveryCodesOut(recovery_codes=[code.reveal() for code in codes])
