"""Secrets at rest: AES-256-GCM with a key for each secret, which a key of the keyring wraps (envelope encryption).

Both layers bind the secret to its place, so that a row's ciphertext moved to another row does not open. Rotation
wraps the small key anew and leaves the ciphertext alone.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from typing import TYPE_CHECKING

from headworks.kernel.errors import HeadworksError
from headworks.kernel.secrets.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSION = "hw1"
_KEY_BYTES = 32


class SealError(HeadworksError):
    """A stored secret does not open: another keyring, another place, or damage."""

    code = "secret_unreadable"
    title = "A stored credential cannot be read"


def seal_context(*parts: str) -> bytes:
    """The place of a secret, such as organisation, provider, version. Raises ValueError when a part holds `|`."""
    if any("|" in part for part in parts):
        message = f"a part of a secret's place may not hold '|': {parts!r}"
        raise ValueError(message)
    return "|".join(parts).encode()


def key_id_of(sealed: str) -> str:
    """The id of the key that sealed a text; empty where it is not in the sealed form."""
    parts = sealed.split(".")
    return parts[1] if len(parts) == 4 and parts[0] == _VERSION else ""  # noqa: PLR2004 - as `_join` writes them


class Sealer:
    """Seals with the newest key, opens with any."""

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        """`keys` are 32 bytes each, by id; `current` is the id that seals. Raises ValueError on a wrong key."""
        if current not in keys or any(len(key) != _KEY_BYTES for key in keys.values()):
            message = "the keyring needs its current key, and every key must have 32 bytes"
            raise ValueError(message)
        # One attribute, so that another thread never sees the new key without its name.
        self._ring = dict(keys), current

    def __repr__(self) -> str:
        return f"Sealer(current={self.current!r})"

    @property
    def current(self) -> str:
        """The id of the key that seals."""
        return self._ring[1]

    def derive(self, purpose: str) -> dict[str, bytes]:
        """A key for another use made of each of these, by its id, the current one last; who has one learns nothing of its source."""
        keys, current = self._ring
        ordered = [*(key_id for key_id in keys if key_id != current), current]
        return {key_id: hmac.digest(keys[key_id], f"headworks {purpose}".encode(), "sha256") for key_id in ordered}

    def adopt(self, other: Sealer) -> None:
        """Take another's keys: whoever holds this one goes on with those. Any thread may call it."""
        self._ring = other._ring

    def seal(self, secret: Secret, context: bytes) -> str:
        """Encrypt for the place `context`. The text is ASCII: version, key id, wrapped key, ciphertext."""
        data_key = os.urandom(_KEY_BYTES)
        keys, current = self._ring
        wrapped = _encrypt(keys[current], data_key, current.encode() + b"|" + context)
        return _join(current, wrapped, _encrypt(data_key, secret.reveal().encode(), context))

    def open(self, sealed: str, context: bytes) -> Secret:
        """Decrypt what was sealed for the same `context`. Raises SealError."""
        key_id, wrapped, ciphertext = _split(sealed)
        data_key = self._unwrap(key_id, wrapped, context)
        return Secret(_decrypt(data_key, ciphertext, context).decode())

    def rewrap(self, sealed: str, context: bytes) -> str:
        """The same secret under the current key, without decrypting it. Raises SealError."""
        key_id, wrapped, ciphertext = _split(sealed)
        keys, current = self._ring
        if key_id == current:
            return sealed
        data_key = self._unwrap(key_id, wrapped, context)
        again = _encrypt(keys[current], data_key, current.encode() + b"|" + context)
        return _join(current, again, ciphertext)

    def _unwrap(self, key_id: str, wrapped: bytes, context: bytes) -> bytes:
        keys, _ = self._ring
        if key_id not in keys:
            raise SealError(
                "A stored credential was encrypted with a key that is not in the keyring. Restore the keyring file of "
                "this data folder, or enter the credential again.",
                detail=f"key id {key_id!r} is unknown",
            )
        return _decrypt(keys[key_id], wrapped, key_id.encode() + b"|" + context)


def _encrypt(key: bytes, plain: bytes, context: bytes) -> bytes:
    from headworks.kernel.secrets.cipher import encrypt  # noqa: PLC0415 - commands without a secret work where it does not load

    return encrypt(key, plain, context)


def _decrypt(key: bytes, sealed: bytes, context: bytes) -> bytes:
    from headworks.kernel.secrets.cipher import decrypt  # noqa: PLC0415 - as above

    try:
        return decrypt(key, sealed, context)
    except ValueError as error:
        raise _damaged(str(error)) from error


def _join(key_id: str, wrapped: bytes, ciphertext: bytes) -> str:
    encoded = (base64.urlsafe_b64encode(part).decode() for part in (wrapped, ciphertext))
    return ".".join((_VERSION, key_id, *encoded))


def _split(sealed: str) -> tuple[str, bytes, bytes]:
    try:
        version, key_id, wrapped, ciphertext = sealed.split(".")
        parts = base64.urlsafe_b64decode(wrapped), base64.urlsafe_b64decode(ciphertext)
    except (ValueError, binascii.Error) as error:
        raise _damaged("not in the sealed form") from error
    if version != _VERSION:
        raise _damaged(f"version {version!r} is unknown")
    return key_id, *parts


def _damaged(detail: str) -> SealError:
    return SealError(
        "A stored credential cannot be decrypted: it was damaged, or belongs elsewhere. Enter it again.", detail=detail
    )
