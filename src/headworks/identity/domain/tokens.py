"""Access tokens: JWTs (RFC 7519, in the shape of RFC 9068) that say who signed in, where they act, and in which session.

What is checked follows RFC 8725: one algorithm, which the token has no say in; a key id of our own form; issuer, audience
and type. The token says who somebody is, never what they may do: that is looked up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import jwt

from headworks.identity.domain.signing import ALGORITHM, KEY_ID
from headworks.identity.errors import InvalidToken, TokenExpired
from headworks.kernel.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

AUDIENCE: Final = "headworks-management"
LEEWAY: Final = timedelta(seconds=30)
"""For clocks that differ."""
MOST_LIFE: Final = timedelta(hours=1)
"""The longest that can be set."""
MOST_BYTES: Final = 2_048
"""Ours have about 600."""
_TYPE = "at+jwt"
_HEADER = frozenset({"alg", "typ", "kid"})
_CLAIMS = ("iss", "aud", "sub", "org", "sid", "jti", "iat", "nbf", "exp")
_KEY_ID = re.compile(KEY_ID, re.ASCII)
_SHAPE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}", re.ASCII)
_LATEST = 253_402_300_799
"""The last second of the year 9999, which is as far as a datetime goes."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says."""

    user_id: str
    organization_id: str
    session_id: str
    token_id: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Proven:
    """What an access token of ours says, whether it is over or not: that alone changes with time."""

    claims: Claims
    begins_at: datetime

    def at(self, moment: datetime) -> Claims:
        """Its claims, if it is valid then. Raises InvalidToken, TokenExpired."""
        if self.claims.expires_at <= moment - LEEWAY:
            raise TokenExpired("The access token has expired. Get another one with POST /api/v1/auth/refresh.")
        if self.begins_at > moment + LEEWAY:
            raise _refused("it is not valid yet; the clocks of this server and of the one that made it differ")
        return self.claims


def looks_like_token(text: str) -> bool:
    """Whether it is meant to be an access token rather than a key: three parts with dots between."""
    return text.count(".") == 2 and text.startswith("ey")  # noqa: PLR2004 - a JWS has three parts


def sign(claims: Claims, key_id: str, key: EllipticCurvePrivateKey, issuer: str) -> Secret:
    """The token for `claims`."""
    content = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": claims.user_id,
        "org": claims.organization_id,
        "sid": claims.session_id,
        "jti": claims.token_id,
        "iat": int(claims.issued_at.timestamp()),
        "nbf": int(claims.issued_at.timestamp()),
        "exp": int(claims.expires_at.timestamp()),
    }
    return Secret(jwt.encode(content, key, ALGORITHM, headers={"kid": key_id, "typ": _TYPE}))


def key_id_of(token: str) -> str:
    """The key that a token says it was signed with; nothing is believed yet. Raises InvalidToken."""
    if len(token) > MOST_BYTES or not _SHAPE.fullmatch(token):
        raise _refused("it is no token of this server")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as error:
        raise _refused("its header cannot be read") from error
    # Not one header that we do not write: `jku`, `x5u`, `jwk` and `crit` could only steer us.
    if set(header) != _HEADER or header["alg"] != ALGORITHM or header["typ"] != _TYPE:
        raise _refused("its header is not one that this server writes")
    key_id = header["kid"]
    if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
        raise _refused("its key id is not one of this server's")
    return key_id


def proven(token: str, key: EllipticCurvePublicKey, issuer: str) -> Proven:
    """What a token says, once its signature, issuer and audience were found right. Raises InvalidToken."""
    try:
        content = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=issuer,
            # The times are checked by `Proven.at`, by a clock that tests can set.
            options={
                "require": list(_CLAIMS),
                "strict_aud": True,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except jwt.InvalidTokenError as error:
        raise _refused("its signature, issuer or audience is wrong") from error
    issued, not_before, expires = (_moment(content, name) for name in ("iat", "nbf", "exp"))
    if expires - issued > MOST_LIFE:
        raise _refused("it would be valid for longer than any that this server makes")
    user_id, organization_id, session_id, token_id = (_text(content, name) for name in ("sub", "org", "sid", "jti"))
    return Proven(Claims(user_id, organization_id, session_id, token_id, issued, expires), max(issued, not_before))


def _text(content: Mapping[str, object], name: str) -> str:
    value = content[name]
    if not isinstance(value, str):
        raise _refused(f"{name} is no text")
    return value


def _moment(content: Mapping[str, object], name: str) -> datetime:
    seconds = content[name]
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 <= seconds <= _LATEST:
        raise _refused(f"{name} is no time")
    return datetime.fromtimestamp(seconds, UTC)


def _refused(reason: str) -> InvalidToken:
    return InvalidToken(f"The access token is not valid: {reason}. Sign in again.", detail=reason)
