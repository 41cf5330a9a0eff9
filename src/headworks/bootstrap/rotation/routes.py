"""Routes of the keyring: which keys seal the stored secrets, and a new one."""

from typing import Annotated

from fastapi import Request

from headworks.bootstrap.rotation.rotation import Rotation, RotationRunning
from headworks.kernel.principal import Principal
from headworks.kernel.web import Envelope, ResponseModel, Router, envelope, provided, raises, repeatable, require

router = Router("/api/v1/keyring", tags=["operations"])

_Operator = Annotated[Principal, require("installation:operate")]
_Rotation = Annotated[Rotation, provided(Rotation)]


class KeyUseOut(ResponseModel):
    """A key that seals stored secrets. The key itself is never shown."""

    id: str
    is_current: bool
    is_missing: bool
    """It is not in the keyring: what it seals cannot be read until the keyring of that time is back."""
    secrets: int
    """How many stored secrets it seals."""


class KeyringOut(ResponseModel):
    """The keys, the oldest first."""

    keys: list[KeyUseOut]


class RotatedOut(ResponseModel):
    """What a rotation did."""

    key_id: str
    resumed: bool
    """It finished an earlier one that was cut short, and made no new key."""
    resealed: int
    dropped: list[str]
    """Keys that nothing was sealed by any more."""
    remaining: int
    """Secrets that could not be read; the log names them."""


@router.get("", summary="Which keys seal the stored secrets")
async def show_keyring(request: Request, _caller: _Operator, rotation: _Rotation) -> Envelope[KeyringOut]:
    """Each key of the keyring by its id, and how much it seals."""
    keys = [KeyUseOut.model_validate(use) for use in await rotation.status()]
    return envelope(KeyringOut(keys=keys), request)


@router.post(
    "/rotations",
    summary="Seal the stored secrets with a new key",
    status_code=201,
    dependencies=[repeatable(), raises(RotationRunning)],
)
async def rotate_keyring(request: Request, _caller: _Operator, rotation: _Rotation) -> Envelope[RotatedOut]:
    """While everything runs. Cut short, it goes on when it is asked for again."""
    return envelope(RotatedOut.model_validate(await rotation.rotate()), request)
