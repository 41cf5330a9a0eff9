"""The keys that sign access tokens: one signs, older ones are published until their last token is over.

ES256: every library that reads a JWKS knows it, and its signatures are short.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import ECAlgorithm

from headworks.identity.domain.sealing import private_key_context
from headworks.kernel.ids import new_id
from headworks.kernel.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from headworks.kernel.secrets import Sealer

ALGORITHM: Final = "ES256"
KEY_ID: Final = r"sgk_[0-9a-hjkmnp-tv-z]{26}"
"""What a `kid` of ours looks like; anything else is refused before it is looked up."""
OVERLAP: Final = timedelta(minutes=5)
"""How long beyond its last token's life a key stays published: for clocks that differ, and caches of the JWKS."""


@dataclass(frozen=True, slots=True)
class StoredSigningKey:
    """A key pair as it is kept: the private half sealed, the public half as a JWK."""

    id: str
    sealed_private: str
    public_jwk: str
    """JSON, without `kid`, `use` and `alg`."""
    created_at: datetime

    def published(self) -> dict[str, str]:
        """As it stands in the JWKS."""
        return {**json.loads(self.public_jwk), "kid": self.id, "use": "sig", "alg": ALGORITHM}

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """What verifies its signatures."""
        return public_key_of(json.loads(self.public_jwk))


def new_signing_key(sealer: Sealer, at: datetime) -> StoredSigningKey:
    """A fresh pair on the curve P-256."""
    key_id = new_id("sgk")
    private = ec.generate_private_key(ec.SECP256R1())
    text = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    jwk = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    kept = {name: jwk[name] for name in ("kty", "crv", "x", "y")}
    return StoredSigningKey(key_id, sealer.seal(Secret(text), private_key_context(key_id)), json.dumps(kept), at)


def open_private(key: StoredSigningKey, sealer: Sealer) -> ec.EllipticCurvePrivateKey:
    """The half that signs. Raises SealError."""
    private = load_pem_private_key(sealer.open(key.sealed_private, private_key_context(key.id)).reveal().encode(), None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        message = f"signing key {key.id} is of another kind"
        raise TypeError(message)
    return private


def public_key_of(jwk: Mapping[str, str]) -> ec.EllipticCurvePublicKey:
    """The key of a published JWK."""
    key = ECAlgorithm.from_jwk(dict(jwk))
    if not isinstance(key, ec.EllipticCurvePublicKey):
        message = "a published key has no private half"
        raise TypeError(message)
    return key


def is_due(keys: Sequence[StoredSigningKey], lifetime: timedelta, at: datetime) -> bool:
    """Whether a new key must sign; `keys` are the newest first."""
    return not keys or keys[0].created_at + lifetime <= at


def retired(keys: Sequence[StoredSigningKey], token_life: timedelta, at: datetime) -> list[str]:
    """The ids of those whose last token is over: their successor signs since longer than a token lives."""
    return [older.id for newer, older in itertools.pairwise(keys) if newer.created_at + token_life + OVERLAP <= at]
