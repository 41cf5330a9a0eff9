"""The rules of keys: how one is made, checked and described, and who may make which.

The engine checks the same form before it looks anything up: `engine/src/auth/`.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from headworks.identity.errors import InvalidKey, MoreThanOwnRights
from headworks.kernel.errors import Invalid
from headworks.kernel.permissions import INFERENCE, MANAGEMENT
from headworks.kernel.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from headworks.identity.contracts import KeyKind, KeyView
    from headworks.kernel.permissions import Permission
    from headworks.kernel.principal import Principal

PREFIXES: Final[dict[KeyKind, str]] = {"inference": "hw_sk_", "management": "hw_mk_"}
KEY_PATTERN: Final = r"hw_(?:sk|mk)_[0-9A-Za-z]{38}"
"""What a key looks like, for secret scanners; the last six characters are a checksum over all before them."""

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_LENGTH = 32
"""190 bits: nobody guesses one, so a plain SHA-256 keeps it well enough."""
_CHECKSUM_LENGTH = 6
_KEY = re.compile(KEY_PATTERN, re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOST_MODELS = 256
_MODEL_BYTES = 256


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


def audited(key: KeyView) -> dict[str, object]:
    """What the audit trail says of a key: all that is shown of it, and nothing of the key itself."""
    moments = {name: getattr(key, name) for name in ("created_at", "expires_at", "revoked_at")}
    return {
        "organization_id": key.organization_id,
        "project_id": key.project_id,
        "name": key.name,
        "kind": key.kind,
        "permissions": sorted(key.permissions),
        "created_by": key.created_by,
        "allowed_models": None if key.allowed_models is None else list(key.allowed_models),
        **{name: None if moment is None else moment.isoformat() for name, moment in moments.items()},
    }


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


def check_models(models: Iterable[str] | None) -> tuple[str, ...] | None:
    """Names without repetition, in their order. Raises Invalid."""
    if models is None:
        return None
    names = tuple(dict.fromkeys(models))
    if not names:
        raise Invalid.field("allowed_models", "empty", "must name a model; use null to allow every model")
    if len(names) > _MOST_MODELS:
        raise Invalid.field("allowed_models", "too_many", f"must not name more than {_MOST_MODELS} models")
    for number, name in enumerate(names):
        if not name or len(name.encode(errors="replace")) > _MODEL_BYTES or not name.isprintable():
            raise Invalid.field(
                f"allowed_models.{number}", "malformed", f"must be 1 to {_MODEL_BYTES} bytes that can be printed"
            )
    return names


def permissions_for(kind: KeyKind, wanted: Iterable[Permission] | None, creator: Principal) -> frozenset[Permission]:
    """What a new key may do. Raises MoreThanOwnRights beyond the creator's own rights, Invalid when it makes no sense.

    A management key that names nothing gets all that its creator has. An inference key always has just that, and
    whoever may write keys may make one.
    """
    if kind == "inference":
        if wanted is not None and frozenset(wanted) != INFERENCE:
            raise Invalid.field("permissions", "not_for_inference", "are for management keys; leave them out")
        return INFERENCE
    own = creator.permissions & MANAGEMENT
    chosen = own if wanted is None else frozenset(wanted)
    if not chosen:
        raise Invalid.field("permissions", "empty", "must name at least one, such as usage:read")
    if not chosen <= MANAGEMENT:
        raise Invalid.field(
            "permissions", "not_for_management", "inference is for inference keys; make one of that kind"
        )
    if beyond := sorted(chosen - own):
        raise MoreThanOwnRights(f"Your key lacks {', '.join(beyond)}, so it cannot make a key that has it.")
    return chosen
