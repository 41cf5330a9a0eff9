"""Sessions and the refresh tokens that carry them on: how long they live, and what a used token that comes again means.

RFC 9700, section 4.14.2: each refresh token is used once, and one that comes again shows that somebody else has it, so
the whole family, our session, ends. A browser that loses an answer or sends two requests at once would look like that
thief; so within ten seconds the immediate predecessor gets the very successor that it got before. There is never a second
branch: whoever of two holders goes on first makes the other's next refresh a reuse.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from headworks.kernel.secrets import Secret

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.contracts import Session

GRACE: Final = timedelta(seconds=10)
REFRESH_PREFIX: Final = "hw_rt_"
_RANDOM_BYTES = 32

Fate = Literal["fresh", "repeated", "stolen", "expired"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things live."""

    access: timedelta
    idle: timedelta
    """A session without a refresh."""
    absolute: timedelta
    """A session, whatever happens."""


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One link of a session's chain, as it is kept."""

    token_hash: str
    session_id: str
    generation: int
    expires_at: datetime
    used_at: datetime | None = None
    successor: str = ""
    """The next token, sealed; only as long as it may have to be told again."""

    def fate(self, newest: int, at: datetime) -> Fate:
        """What to do with it when it comes, where `newest` is the latest generation of its session."""
        if self.used_at is None:
            return "fresh" if at < self.expires_at else "expired"
        if self.generation == newest - 1 and self.successor and at < self.used_at + GRACE:
            return "repeated"
        return "stolen"

    def used(self, at: datetime, successor: str) -> RefreshToken:
        """As it is once its successor was given out."""
        return replace(self, used_at=at, successor=successor)


def random_token(prefix: str = "") -> Secret:
    """256 random bits behind a prefix."""
    return Secret(prefix + secrets.token_urlsafe(_RANDOM_BYTES))


def hash_token(token: str) -> str:
    """SHA-256, hex: all that is stored of a token, and all that reaches SQL."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def is_alive(session: Session, idle: timedelta, at: datetime) -> bool:
    """Whether it can still be used."""
    return session.ended_at is None and at < session.expires_at and at < session.last_seen_at + idle
