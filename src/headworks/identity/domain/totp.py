"""Time-based codes of a second factor (RFC 6238), as every authenticator app makes them: SHA-1, six digits, 30 seconds."""

from __future__ import annotations

import base64
import hmac
import secrets
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from headworks.kernel.secrets import Secret

if TYPE_CHECKING:
    from datetime import datetime

DIGITS: Final = 6
STEP_SECONDS: Final = 30
TOLERATED_STEPS: Final = 1
"""To either side: RFC 6238, section 5.2, recommends one step for the way and for clocks that differ."""
_SECRET_BYTES = 20
"""That of the hash, as RFC 4226, section 4, recommends."""


def new_secret() -> Secret:
    """160 random bits in base 32, as people type it where there is no camera."""
    return Secret(base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode())


def provisioning_uri(secret: Secret, email: str) -> Secret:
    """The `otpauth:` address that an authenticator app reads from a QR code. It holds the secret."""
    return Secret(_codes(secret).get_provisioning_uri(email, "Headworks"))


def matching_step(secret: Secret, code: str, at: datetime, last_step: int) -> int | None:
    """The step that `code` belongs to, or None when it is wrong. Steps up to `last_step` were used and never match again."""
    now = int(at.timestamp()) // STEP_SECONDS
    codes = _codes(secret)
    found = None
    # Every step is looked at, so that nothing shows which one it was.
    for step in range(now - TOLERATED_STEPS, now + TOLERATED_STEPS + 1):
        right = hmac.compare_digest(codes.generate(step * STEP_SECONDS), code.encode(errors="replace"))
        if right and step > last_step:
            found = step
    return found


def _codes(secret: Secret) -> TOTP:
    # SHA-1 is what the apps speak; HMAC does not rest on what was broken in it (RFC 6238, section 1.2; RFC 6151).
    return TOTP(base64.b32decode(secret.reveal()), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303
