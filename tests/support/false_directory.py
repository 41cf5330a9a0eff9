"""A directory that does what no real one would: it answers what a test wrote down, with tokens that a test made."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import warnings
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.support.scripted import Reply, ScriptedServer

if TYPE_CHECKING:
    from datetime import datetime

CLIENT_ID = "headworks"
CLIENT_SECRET = "canary-client-secret-long-enough-for-hs256"
_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused
_EC = ec.generate_private_key(ec.SECP256R1())
_STRANGE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE: dict[str, Any] = {"rsa": _RSA, "small": _SMALL, "ec": _EC, "strange": _STRANGE}


def public_jwk(name: str, **fields: object) -> dict[str, Any]:
    """The public half of one of our keys."""
    made = (ECAlgorithm if name == "ec" else RSAAlgorithm).to_jwk(PRIVATE[name].public_key(), as_dict=True)
    return {**made, "kid": name, **fields}


class FalseDirectory(ScriptedServer):
    """As an honest one, until a test says otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.describe()
        self.publish(public_jwk("rsa"), public_jwk("ec"), public_jwk("small"))

    def describe(self, **fields: object) -> None:
        """What it says of itself."""
        names = ("authorization", "token", "userinfo")
        document = {
            "issuer": self.origin,
            **{f"{name}_endpoint": f"{self.origin}/{name}" for name in names},
            "jwks_uri": f"{self.origin}/keys",
            **fields,
        }
        shown = {name: value for name, value in document.items() if value is not None}
        self.on("GET", "/.well-known/openid-configuration", Reply(shown))

    def publish(self, *keys: object) -> None:
        """The keys that it signs with."""
        self.on("GET", "/keys", Reply({"keys": list(keys)}))

    def grant(self, token: str, **fields: object) -> None:
        """What it gives for any code."""
        self.on("POST", "/token", Reply({"id_token": token, "token_type": "Bearer", **fields}))

    def claims(self, at: datetime, **fields: object) -> dict[str, Any]:
        """What an honest token says; None takes a claim away."""
        seconds = int(at.timestamp())
        honest = {
            "iss": self.origin,
            "sub": "ada-1",
            "aud": CLIENT_ID,
            "iat": seconds,
            "exp": seconds + 300,
            "email": "ada@example.org",
            "email_verified": True,
        }
        return {name: value for name, value in {**honest, **fields}.items() if value is not None}


def signed(claims: dict[str, Any], key: str = "rsa", algorithm: str = "RS256", **header: object) -> str:
    """A token, honestly signed by one of our keys."""
    named = {name: value for name, value in {"kid": key, **header}.items() if value is not None}
    with warnings.catch_warnings():
        # One of the keys is too short on purpose.
        warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
        return jwt.encode(claims, PRIVATE[key], algorithm, headers=named)


def unsigned(claims: dict[str, Any], algorithm: str = "none") -> str:
    """A token without a signature."""
    return f"{_part({'alg': algorithm, 'typ': 'JWT', 'kid': 'rsa'})}.{_part(claims)}."


def by_secret(claims: dict[str, Any], secret: bytes) -> str:
    """A token that somebody signed with what is no signing key."""
    text = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': 'rsa'})}.{_part(claims)}"
    return f"{text}.{_encoded(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def public_pem() -> bytes:
    """What a verifier that confuses algorithms takes for a shared secret."""
    return _RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _part(value: object) -> str:
    return _encoded(json.dumps(value).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
