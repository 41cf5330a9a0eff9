"""Letting users in again who lost what they sign in with, over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request, Response

from headworks.identity.commands.resets import Resets
from headworks.identity.errors import MoreThanOwnRights, NoSecondFactor, NotForOneself, SignInBusy, UserNotFound
from headworks.kernel.principal import Principal
from headworks.kernel.web import Envelope, ResponseModel, Router, envelope, provided, raises, repeatable, require

router = Router("/users")

_Resets = Annotated[Resets, provided(Resets)]
_Id = Annotated[str, Path(max_length=128, description="Such as `usr_01k9…`.")]


class OneTimePasswordOut(ResponseModel):
    """What lets somebody in once more, shown this once; then they choose their own."""

    user_id: str
    email: str
    password: str


@router.post(
    "/{user_id}/password-reset",
    summary="Give a user a one-time password",
    dependencies=[repeatable(), raises(MoreThanOwnRights, NotForOneself, SignInBusy, UserNotFound)],
)
async def reset_password(
    request: Request, user_id: _Id, caller: Annotated[Principal, require("members:write")], resets: _Resets
) -> Envelope[OneTimePasswordOut]:
    """For who lost theirs: it must be changed at the next sign-in, and their sessions end.

    An admin can do it for a member who belongs to no other organisation, an operator for everybody.
    """
    reset = await resets.password(caller, user_id)
    out = OneTimePasswordOut(user_id=reset.user.id, email=reset.user.email, password=reset.password.reveal())
    return envelope(out, request)


@router.post(
    "/{user_id}/second-factor-reset",
    summary="Remove a user's second factor",
    status_code=204,
    dependencies=[repeatable(), raises(NoSecondFactor, NotForOneself, UserNotFound)],
)
async def reset_second_factor(
    user_id: _Id, caller: Annotated[Principal, require("installation:operate")], resets: _Resets
) -> Response:
    """For who lost it, with its recovery codes: their password alone lets them in until they set up another."""
    await resets.second_factor(caller, user_id)
    return Response(status_code=204)
