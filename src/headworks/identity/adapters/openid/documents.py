"""What directories publish, read without believing it: their description, and the keys that they sign with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from headworks.identity.ports import Metadata
from headworks.kernel.outbound.fetch import NotFetched

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST_KEYS: Final = 100
_LONGEST: Final = 2048
_KTY: Final = {"R": "RSA", "P": "RSA", "E": "EC"}
"""By the first letter of an algorithm's name."""
_PUBLIC: Final = ("kty", "n", "e", "crv", "x", "y")
"""Without private members: whoever publishes those publishes them by mistake."""

Jwk = dict[str, Any]


def metadata_of(document: Mapping[str, Any], issuer: str) -> Metadata:
    """OpenID Connect Discovery 1.0, sections 3 and 4.3; RFC 9207. Raises NotFetched."""
    if document.get("issuer") != issuer:
        raise NotFetched(
            "calls itself by another issuer than the one that is written here; copy it character by character"
        )
    methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if not isinstance(methods, list):
        methods = []
    if not {"client_secret_basic", "client_secret_post"} & {str(one) for one in methods}:
        raise NotFetched("takes no client secret, neither in a header nor in the body")
    return Metadata(
        issuer=issuer,
        authorization_endpoint=_url(document, "authorization_endpoint"),
        token_endpoint=_url(document, "token_endpoint"),
        jwks_uri=_url(document, "jwks_uri"),
        userinfo_endpoint=_url(document, "userinfo_endpoint") if "userinfo_endpoint" in document else None,
        secret_in_header="client_secret_basic" in methods,
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def keys_of(document: Mapping[str, Any]) -> list[Jwk]:
    """The JWKs (RFC 7517) that may verify a signature. Raises NotFetched."""
    keys = document.get("keys")
    if not isinstance(keys, list) or len(keys) > _MOST_KEYS:
        raise NotFetched("publishes no list of keys")
    return [key for key in keys if isinstance(key, dict) and _verifies(key)]


def fitting(keys: Sequence[Jwk], key_id: str | None, algorithm: str) -> Jwk | None:
    """The key of this id for this algorithm, without private parts; without an id, the only one that fits."""
    kty = _KTY.get(algorithm[0], "EC")
    if algorithm == "EdDSA":
        kty = "OKP"
    able = [key for key in keys if key.get("kty") == kty and key.get("alg", algorithm) == algorithm]
    found = able if key_id is None else [key for key in able if key.get("kid") == key_id]
    # Two keys of one id, or none named among several: nobody says which it is.
    return {name: found[0][name] for name in _PUBLIC if name in found[0]} if len(found) == 1 else None


def _verifies(key: Jwk) -> bool:
    operations = key.get("key_ops", ["verify"])
    return key.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations


def _url(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or not value.isascii() or not value.isprintable():
        raise NotFetched(f"names no {name}")
    return value
