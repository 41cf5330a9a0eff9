"""What a key looks like: how one is made, and how one is checked before it is looked up.

The engine checks the same form: `engine/src/auth/`.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from headworks.identity.errors import InvalidKey
from headworks.kernel.errors import Invalid
from headworks.kernel.secrets import Secret

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.contracts import KeyKind

PREFIXES: Final[dict[KeyKind, str]] = {"inference": "hw_sk_", "management": "hw_mk_"}
KEY_PATTERN: Final = r"hw_(?:sk|mk)_[0-9A-Za-z]{38}"
"""What a key looks like, for secret scanners; the last six characters are a checksum over all before them."""

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_LENGTH = 32
"""190 bits: nobody guesses one, so a plain SHA-256 keeps it well enough."""
_CHECKSUM_LENGTH = 6
_KEY = re.compile(KEY_PATTERN, re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made. Shown once; only what `KeyView` holds is kept."""

    key: Secret
    key_hash: str
    prefix: str
    last4: str


def generate_key(kind: KeyKind) -> NewKey:
    """A new key: prefix, 32 random base-62 characters, 6 of checksum."""
    prefix = PREFIXES[kind]
    body = prefix + "".join(secrets.choice(_BASE62) for _ in range(_RANDOM_LENGTH))
    key = body + checksum(body)
    return NewKey(Secret(key), hash_key(key), prefix, key[-4:])


def checksum(body: str) -> str:
    """CRC-32 (that of zlib) of `body` in base 62, digits before capitals before small letters, padded to 6."""
    number = zlib.crc32(body.encode())
    digits = []
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_BASE62))
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))


def is_well_formed(key: str) -> bool:
    """Whether `key` could be one that we made. An imported key need not be."""
    return bool(_KEY.fullmatch(key)) and checksum(key[:-_CHECKSUM_LENGTH]) == key[-_CHECKSUM_LENGTH:]


def hash_key(key: str) -> str:
    """SHA-256 of the whole key, hex. It is all that is stored, and all that ever reaches SQL."""
    return hashlib.sha256(key.encode()).hexdigest()


def check_token(token: str) -> str:
    """The hash to look up. Raises InvalidKey for a key of ours that was mistyped or cut."""
    if token.startswith("hw_") and not is_well_formed(token):
        raise InvalidKey("The key is mistyped or cut: its checksum does not fit. Copy it again, whole.")
    return hash_key(token)


def check_hash(text: str) -> str:
    """The SHA-256 of a key to import. Raises Invalid."""
    if not _HASH.fullmatch(text):
        raise Invalid.field("sha256", "malformed", "must be the SHA-256 of the key as 64 lower-case hex digits")
    return text


def check_expiry(expires_at: datetime | None, at: datetime) -> datetime | None:
    """Raises Invalid when it has passed already: such a key would never work."""
    if expires_at is not None and expires_at <= at:
        raise Invalid.field("expires_at", "in_the_past", "must lie in the future; leave it out for a key that stays")
    return expires_at
