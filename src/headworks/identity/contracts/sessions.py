"""Sign-in as it is kept: passwords by their hash, second factors, sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

Carriage = Literal["bearer", "cookie"]
"""How a session's tokens travel: as text that a program keeps, or as cookies that scripts cannot read."""
EndReason = Literal[
    "", "signed_out", "revoked", "password_changed", "refresh_token_reused", "user_disabled", "left_organization"
]


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """A password's hash."""

    password_hash: str
    """bcrypt's own form: algorithm, cost, salt, hash."""
    changed_at: datetime
    must_change: bool = False
    """It was made for somebody, who has to choose their own before anything else."""


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """A secret that an authenticator app shares with us."""

    sealed_secret: str
    created_at: datetime
    confirmed_at: datetime | None = None
    """When the app proved that it has it; until then nobody is asked for codes."""
    last_step: int = 0
    """The newest 30-second step whose code was used: no code is taken twice."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who signed in, on one device."""

    id: str
    user_id: str
    organization_id: str
    """Where they act; empty for who belongs to no organisation."""
    carriage: Carriage
    created_at: datetime
    last_seen_at: datetime
    """When it was last refreshed: to the length of an access token's life."""
    expires_at: datetime
    """Its end, whatever happens."""
    source: str
    """The address it was last refreshed from."""
    user_agent: str
    generation: int = 1
    """Of its newest refresh token."""
    csrf_hash: str = ""
    """SHA-256 of what its browser proves to be on our pages with."""
    ended_at: datetime | None = None
    end_reason: EndReason = ""
    connection_id: str | None = None
    """The connection of single sign-on that it began by. It opens nothing outside of that one's organisation."""


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """Its access tokens are no longer accepted."""

    session_id: str


@dataclass(frozen=True, slots=True)
class PasswordSet:
    """A user has another password: what was known of their sessions must be looked up anew."""

    user_id: str
