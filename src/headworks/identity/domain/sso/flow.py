"""One sign-in from its beginning to its return: secrets that bind it to one browser, and how they prove each other.

The browser's cookie holds one secret. State, nonce and PKCE's verifier are all of this sign-in alone; the latter two are made
from the cookie's secret, so that nothing is stored which somebody who reads the database could use.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from headworks.identity.domain.sessions import random_token
from headworks.kernel.errors import Invalid
from headworks.kernel.secrets import Secret

LASTS: Final = timedelta(minutes=10)
HANDOVER_LASTS: Final = timedelta(minutes=1)
CHALLENGE: Final = r"[A-Za-z0-9_-]{43}"
"""What S256 gives: 32 bytes in base64url."""
CLIENT_STATE: Final = r"[A-Za-z0-9_-]{1,128}"

_CHALLENGE = re.compile(CHALLENGE, re.ASCII)
_CLIENT_STATE = re.compile(CLIENT_STATE, re.ASCII)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
_FIRST_PORT = 1024
_LAST_PORT = 65_535
_MARK_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Ticket:
    """What binds a sign-in to one browser."""

    state: str
    browser: Secret
    """In the browser's cookie."""

    @property
    def nonce(self) -> str:
        """The ID token must repeat it."""
        return self._made("nonce")

    @property
    def verifier(self) -> Secret:
        """PKCE's (RFC 7636): whoever stole the code does not have it."""
        return Secret(self._made("verifier"))

    def _made(self, purpose: str) -> str:
        text = f"{purpose}:{self.state}".encode(errors="replace")
        return _encoded(hmac.digest(self.browser.reveal().encode(errors="replace"), text, "sha256"))


@dataclass(frozen=True, slots=True)
class Loopback:
    """A command line that waits on this machine (RFC 8252, section 7.3)."""

    port: int
    challenge: str
    state: str


def new_ticket() -> Ticket:
    """For a sign-in that begins."""
    return Ticket(random_token().reveal(), random_token())


def mark_of(state: str) -> str:
    """What the cookie of a sign-in is called by: two that run at once do not take each other's."""
    return hashlib.sha256(state.encode(errors="replace")).hexdigest()[:_MARK_LENGTH]


def challenge_of(verifier: str) -> str:
    """S256 of RFC 7636."""
    return _encoded(hashlib.sha256(verifier.encode(errors="replace")).digest())


def proves(verifier: str, challenge: str) -> bool:
    """Whether the verifier is what the challenge was made of."""
    return bool(_VERIFIER.fullmatch(verifier)) and hmac.compare_digest(challenge_of(verifier), challenge)


def checked_loopback(port: int | None, challenge: str | None, state: str | None) -> Loopback | None:
    """The command line that waits; None where a browser began. Raises Invalid."""
    if port is None and challenge is None and state is None:
        return None
    if port is None or challenge is None or state is None:
        raise Invalid.field(
            "query.loopback_port", "incomplete", "goes together with code_challenge and client_state; send all or none"
        )
    if not _FIRST_PORT <= port <= _LAST_PORT:
        raise Invalid.field("query.loopback_port", "out_of_range", f"must be {_FIRST_PORT} to {_LAST_PORT}")
    if not _CHALLENGE.fullmatch(challenge):
        raise Invalid.field("query.code_challenge", "malformed", "must be the SHA-256 of the verifier in base64url")
    if not _CLIENT_STATE.fullmatch(state):
        raise Invalid.field("query.client_state", "malformed", "must be 1 to 128 characters of base64url")
    return Loopback(port, challenge, state)


def with_query(url: str, **parameters: str) -> str:
    """`url` with these parameters besides its own."""
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *parameters.items()]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
