"""What an ID token proves (OpenID Connect Core 1.0, section 3.1.3.7), once everything about it was found right.

PyJWT verifies the signature; by which algorithm is never the token's say alone: those that are taken are all asymmetric, so
that neither `none` nor a public key taken for a shared secret gets through.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import jwt

from headworks.identity.domain.sso.claims import refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from jwt.types import Options

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY: Final = timedelta(seconds=60)
"""For clocks that differ."""
MOST_BYTES: Final = 64 * 1024
_MOST_LIFE: Final = timedelta(days=1)
_OPTIONS: Final[Options] = {
    "enforce_minimum_key_length": True,
    "require": ["iss", "sub", "aud", "exp", "iat"],
    # All of these are checked below: by a clock that tests can set, and with a reason for each.
    "verify_aud": False,
    "verify_exp": False,
    "verify_iat": False,
    "verify_iss": False,
    "verify_jti": False,
    "verify_nbf": False,
    "verify_sub": False,
}


@dataclass(frozen=True, slots=True)
class Expected:
    """What the token must say."""

    issuer: str
    client_id: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Header:
    """Which key a token says it was signed with; nothing is believed yet."""

    algorithm: str
    key_id: str | None


def header_of(token: str) -> Header:
    """Raises SsoRefused."""
    try:
        header = jwt.get_unverified_header(token) if len(token) <= MOST_BYTES else {}
    except jwt.InvalidTokenError as error:
        raise refused("it cannot be read") from error
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise refused("it is not signed by an algorithm with a public key")
    if key_id is not None and not isinstance(key_id, str):
        raise refused("its key id is no text")
    return Header(str(algorithm), key_id)


def proved(token: str, header: Header, jwk: Mapping[str, Any], expected: Expected, at: datetime) -> dict[str, Any]:
    """What the token says. Raises SsoRefused."""
    try:
        key = jwt.PyJWK(dict(jwk), header.algorithm)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[header.algorithm],
            options=_OPTIONS,
        )
    except jwt.PyJWTError as error:
        raise refused("its signature is wrong, or it lacks a claim") from error
    _check_parties(claims, expected)
    _check_times(claims, at)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(errors="replace"), expected.nonce.encode()):
        raise refused("it was made for another sign-in")
    return claims


def _check_parties(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims["iss"] != expected.issuer:
        raise refused("another issuer made it")
    named = claims["aud"]
    audience = named if isinstance(named, list) else [named]
    party = claims.get("azp")
    if expected.client_id not in audience:
        raise refused("it is made out to another client")
    if (len(audience) > 1 or party is not None) and party != expected.client_id:
        raise refused("it is made out to several clients, and not given to this one")


def _check_times(claims: Mapping[str, Any], at: datetime) -> None:
    issued, expires = _seconds(claims, "iat"), _seconds(claims, "exp")
    now, leeway = at.timestamp(), LEEWAY.total_seconds()
    begins = _seconds(claims, "nbf") if "nbf" in claims else issued
    if expires <= now - leeway:
        raise refused("it has expired")
    if max(issued, begins) > now + leeway:
        raise refused("it is not valid yet; do the clocks of both servers agree?")
    if expires - issued > _MOST_LIFE.total_seconds():
        raise refused("it would be valid for longer than a day")


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise refused(f"{name} is no time")
    return float(value)
