"""Keys that sign requests instead of being sent: what they are known by, and how their secrets are kept.

The engine verifies the signatures: `engine/src/auth/signature/`. The keys that sign access tokens are another thing: `signing`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from headworks.identity.contracts import SigningSecret
from headworks.identity.domain.sealing import request_signing_context

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.contracts import KeyView
    from headworks.identity.domain.keys import NewKey
    from headworks.kernel.secrets import Sealer


def signer_hash(key_id: str) -> str:
    """What a key is known by where a request names it as its `keyid`. No key hashes to it: none holds a NUL.

    `engine/src/auth/signature/mod.rs` makes the same.
    """
    return hashlib.sha256(b"signer\0" + key_id.encode()).hexdigest()


def sealed_secret(key_id: str, made: NewKey, sealer: Sealer | None) -> str:
    """The secret of a key that signs, as it is kept. Raises TypeError where there is nothing to seal it with."""
    if sealer is None:
        message = f"the secret of {key_id}, which signs, cannot be kept without a sealer"
        raise TypeError(message)
    return sealer.seal(made.key, request_signing_context(key_id, made.key_hash))


def signing_secrets(key: KeyView, sealer: Sealer, at: datetime) -> list[SigningSecret]:
    """With what the key may sign now: its secret, and the former one as long as a rotation overlaps. Raises SealError."""
    secrets = []
    if key.sealed_secret is not None:
        opened = sealer.open(key.sealed_secret, request_signing_context(key.id, key.key_hash))
        secrets.append(SigningSecret(opened))
    former, until = key.previous_sealed_secret, key.previous_until
    if former is not None and key.previous_hash is not None and until is not None and at < until:
        opened = sealer.open(former, request_signing_context(key.id, key.previous_hash))
        secrets.append(SigningSecret(opened, until))
    return secrets
