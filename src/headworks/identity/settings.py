"""What can be set of signing in; bootstrap fills it from the installation's settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class SignInSettings:
    """How long things live."""

    access_life: timedelta = timedelta(minutes=10)
    """Of an access token."""
    idle: timedelta = timedelta(days=7)
    """A session ends when it was not refreshed for so long."""
    absolute: timedelta = timedelta(days=30)
    """A session ends after so long, whatever happens."""
    signing_key_life: timedelta = timedelta(days=30)
    """How long a key signs before the next one does."""
    issuer: str = "headworks"
    """`iss` of access tokens."""


@dataclass(frozen=True, slots=True)
class SsoSettings:
    """Of single sign-on."""

    private_networks: bool = True
    """Whether operators may connect directories on this machine and on private networks."""
    public_url: str = ""
    """How browsers reach this server, without a path; empty where their requests say it."""
