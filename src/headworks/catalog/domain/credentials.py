"""What a provider's API key may be, and what of it may be shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from headworks.kernel.errors import Invalid

if TYPE_CHECKING:
    from headworks.kernel.secrets import Secret

_LONGEST = 8192
_SHOWN = 4
_LONG_ENOUGH_TO_SHOW = 16
_HEADER_VALUE = re.compile(r"[\x21-\x7e]+")


def check_api_key(secret: Secret, field: str = "api_key") -> None:
    """Raises Invalid unless the key fits in a header. The message does not repeat it."""
    if not _HEADER_VALUE.fullmatch(secret.reveal()):
        raise Invalid.field(field, "malformed", "must be ASCII without spaces, line ends or control characters")
    if len(secret.reveal()) > _LONGEST:
        raise Invalid.field(field, "too_long", f"must have at most {_LONGEST} characters")


def last4(secret: Secret) -> str | None:
    """Enough for a person to tell two keys apart; None for a secret so short that it would give it away."""
    text = secret.reveal()
    return text[-_SHOWN:] if len(text) >= _LONG_ENOUGH_TO_SHOW else None
