"""An entry of the trail, and the one encoding that its hash is made of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Final

_FORM: Final = b"headworks audit 1"
"""What the encoding begins with; another form of entry gets another beginning."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


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
    """SHA-256 over everything above, hex."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: its last entry's sequence and hash. Kept beside the entries, so that a cut end shows."""

    sequence: int
    hash: str


HASHED: Final = tuple(field.name for field in fields(Entry) if field.name != "hash")
"""The fields that the hash covers, in their order."""


def genesis(context: str) -> Head:
    """What the first entry follows: it tells one context's chain from another's."""
    return Head(0, hashlib.sha256(_FORM + b" " + context.encode()).hexdigest())


def hash_of(entry: Entry) -> str:
    """SHA-256 (hex) of `encoded`."""
    return hashlib.sha256(encoded(entry)).hexdigest()


def encoded(entry: Entry) -> bytes:
    """All fields but the hash. No two different entries share an encoding: each value says its type and its length."""
    return _FORM + b"".join(_value(getattr(entry, name)) for name in HASHED)


def _value(value: object) -> bytes:
    match value:
        case None:
            return b"n"
        case int():
            kind, content = b"i", str(value).encode()
        case datetime():
            kind, content = b"t", str((value - _EPOCH) // _MICROSECOND).encode()
        case str():
            kind, content = b"s", value.encode("utf-8", "surrogatepass")
        case _:
            # Nothing that was ever written; a database may give it back, and checking must go on.
            kind, content = b"?", repr(value).encode("utf-8", "surrogatepass")
    return kind + len(content).to_bytes(8, "big") + content
