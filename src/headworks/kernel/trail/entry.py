"""An entry of the trail, and the one encoding that its hash is made of."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Final

from headworks.kernel.moments import micros

if TYPE_CHECKING:
    from headworks.kernel.trail.signing import TrailKey

_FORM: Final = b"headworks audit 1"
"""What the encoding begins with; another form of entry gets another beginning."""
_KEYED_FORM: Final = b"headworks audit 2"
_HEAD_FORM: Final = b"headworks audit head 1"


@dataclass(frozen=True, slots=True)
class Entry:
    """One change, who made it, and its place in the chain."""

    sequence: int
    """From 1, without gaps."""
    id: str
    at: datetime
    actor_kind: str
    actor_id: str
    organization_id: str
    """Whose thing was changed; empty where it is the whole installation's."""
    action: str
    resource_type: str
    resource_id: str
    before: str | None
    """JSON, as it was hashed."""
    after: str | None
    source: str | None
    request_id: str | None
    previous_hash: str
    hash: str
    """Over everything else, hex: HMAC-SHA256 with that key, or plain SHA-256 where there is none."""
    key_id: str | None = None
    """None for entries from before there were keys."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: its last entry's sequence and hash. Kept beside the entries, so that a cut end shows."""

    sequence: int
    hash: str
    key_id: str | None = None
    mac: str | None = None
    """HMAC-SHA256 of sequence and hash, so that nobody else moves the end; None without a key."""

    def signed(self, key: TrailKey | None) -> Head:
        """The same end, signed."""
        if key is None:
            return Head(self.sequence, self.hash)
        return Head(self.sequence, self.hash, key.id, key.mac(_of_head(self)))

    def is_signed_by(self, key: TrailKey) -> bool:
        """Whether its MAC is right."""
        return hmac.compare_digest((self.mac or "").encode(), key.mac(_of_head(self)).encode())


HASHED: Final = tuple(field.name for field in fields(Entry) if field.name not in {"hash", "key_id"})
"""The fields that the hash covers, in their order; then the id of the key, where there is one."""


def genesis(context: str) -> Head:
    """What the first entry follows: it tells one context's chain from another's."""
    return Head(0, hashlib.sha256(_FORM + b" " + context.encode()).hexdigest())


def hash_of(entry: Entry, key: TrailKey | None = None) -> str:
    """What its hash must be. `key` is the one that it names; None where it names none."""
    content = encoded(entry)
    return hashlib.sha256(content).hexdigest() if key is None else key.mac(content)


def encoded(entry: Entry) -> bytes:
    """All fields but the hash. No two different entries share an encoding: each value says its type and its length."""
    fields_ = b"".join(_value(getattr(entry, name)) for name in HASHED)
    return _FORM + fields_ if entry.key_id is None else _KEYED_FORM + fields_ + _value(entry.key_id)


def _of_head(head: Head) -> bytes:
    return _HEAD_FORM + _value(head.sequence) + _value(head.hash)


def _value(value: object) -> bytes:
    match value:
        case None:
            return b"n"
        case int():
            kind, content = b"i", str(value).encode()
        case datetime():
            kind, content = b"t", str(micros(value)).encode()
        case str():
            kind, content = b"s", value.encode("utf-8", "surrogatepass")
        case _:
            # Nothing that was ever written; a database may give it back, and checking must go on.
            kind, content = b"?", repr(value).encode("utf-8", "surrogatepass")
    return kind + len(content).to_bytes(8, "big") + content
