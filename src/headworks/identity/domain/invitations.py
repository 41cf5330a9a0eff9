"""The secret of an invitation: made once, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from headworks.kernel.secrets import Secret

LASTS: Final = timedelta(days=7)
_TOKEN_BYTES = 32
"""256 bits: nobody guesses one, so a plain SHA-256 keeps it well enough."""


def generate_token() -> Secret:
    """A new one, as it stands in the link."""
    return Secret(secrets.token_urlsafe(_TOKEN_BYTES))


def hash_token(token: str) -> str:
    """SHA-256, hex. It is all that is stored."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
