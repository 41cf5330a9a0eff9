"""Access tokens, and every way that is known of making a verifier believe another one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from headworks.identity.domain.signing import (
    OVERLAP,
    StoredSigningKey,
    is_due,
    new_signing_key,
    open_private,
    retired,
)
from headworks.identity.domain.tokens import Claims, key_id_of, looks_like_token, proven, sign
from headworks.identity.errors import InvalidToken, TokenExpired
from headworks.kernel.secrets import Sealer, SealError
from tests.unit.identity.conftest import NOON

SEALER = Sealer({"kek": bytes(32)}, "kek")
KEY = new_signing_key(SEALER, NOON)
PRIVATE = open_private(KEY, SEALER)
CLAIMS = Claims("usr_1", "org_1", "ses_1", "tok_1", NOON, NOON + timedelta(minutes=10))
TOKEN = sign(CLAIMS, KEY.id, PRIVATE, "headworks").reveal()
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def header(**changes: object) -> dict[str, Any]:
    return {"alg": "ES256", "typ": "at+jwt", "kid": KEY.id} | changes


def content(**changes: object) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(TOKEN, options={"verify_signature": False})
    return {name: value for name, value in (claims | changes).items() if value is not None}


def signed(claims: dict[str, Any], **headers: object) -> str:
    """By our own key, whatever it says."""
    return jwt.PyJWS().encode(json.dumps(claims).encode(), PRIVATE, "ES256", headers=header(**headers))


def accept(token: str, at: datetime = NOON) -> Claims:
    assert key_id_of(token) == KEY.id
    return proven(token, KEY.public_key(), "headworks").at(at)


def test_what_was_signed_is_read_again() -> None:
    assert accept(TOKEN) == CLAIMS
    assert looks_like_token(TOKEN)
    assert set(jwt.get_unverified_header(TOKEN)) == {"alg", "typ", "kid"}
    assert set(content()) == {"iss", "aud", "sub", "org", "sid", "jti", "iat", "nbf", "exp"}


def test_another_library_can_verify_it_by_the_published_key() -> None:
    published = jwt.PyJWK.from_dict(KEY.published())
    assert (
        jwt.decode(
            TOKEN,
            published,
            audience="headworks-management",
            issuer="headworks",
            options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )["sub"]
        == "usr_1"
    )
    assert "d" not in KEY.published()


def forged() -> list[tuple[str, str]]:
    stranger = ec.generate_private_key(ec.SECP256R1())
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    unsigned = f"{encoded(header(alg='none'))}.{encoded(content())}"
    confused = f"{encoded(header(alg='HS256'))}.{encoded(content())}"
    mac = base64.urlsafe_b64encode(hmac.digest(pem, confused.encode(), hashlib.sha256)).rstrip(b"=").decode()
    head, body, signature = TOKEN.split(".")
    rs256 = jwt.encode(content(), rsa.generate_private_key(65537, 2048), "RS256", headers=header(alg="RS256"))
    jwk = json.loads(new_signing_key(SEALER, NOON).public_jwk)
    return [
        ("no algorithm", f"{unsigned}."),
        ("no algorithm, some signature", f"{unsigned}.{signature}"),
        ("no algorithm in capitals", f"{encoded(header(alg='NONE'))}.{encoded(content())}.{signature}"),
        ("the public key as a shared secret", f"{confused}.{mac}"),
        ("another algorithm", rs256),
        ("another's key", jwt.encode(content(), stranger, "ES256", headers=header())),
        ("its own key in the header", jwt.encode(content(), stranger, "ES256", headers=header(jwk=jwk))),
        ("a URL of keys", signed(content(), jku="https://evil.example/jwks.json")),
        ("a URL of certificates", signed(content(), x5u="https://evil.example/x")),
        ("a critical extension", signed(content(), crit=["exp"])),
        ("a changed claim", f"{head}.{encoded(content(sub='usr_2'))}.{signature}"),
        ("no signature", f"{head}.{body}."),
        ("a cut signature", TOKEN[:-4]),
        ("four parts", f"{TOKEN}.x"),
        ("five parts, as if encrypted", f"{TOKEN}.x.y"),
        ("another type", jwt.encode(content(), PRIVATE, "ES256", headers=header(typ="JWT"))),
        ("a key id that is a path", signed(content(), kid="../../../../dev/null")),
        ("a key id that is a URL", signed(content(), kid="https://evil.example/key")),
        ("a key id that is SQL", signed(content(), kid="x' UNION SELECT 'key' --")),
        ("a key id that is no text", f"{encoded(header(kid=[KEY.id]))}.{body}.{signature}"),
        ("a huge token", signed(content(sub="u" * 1_000_000))),
        ("white space", f" {TOKEN}"),
        ("a control character", f"{TOKEN}\n"),
        ("not base 64", "eyJ!.eyJ!.x"),
        ("no JSON", "eyJx.eyJx.x"),
        ("another issuer", signed(content(iss="elsewhere"))),
        ("an issuer in a list", signed(content(iss=["headworks"]))),
        ("another audience", signed(content(aud="another-service"))),
        ("ours among audiences", signed(content(aud=["headworks-management", "another"]))),
        ("no audience", signed(content(aud=None))),
        ("no end", signed(content(exp=None))),
        ("no session", signed(content(sid=None))),
        ("a user that is no text", signed(content(sub=7))),
        ("an organisation that is no text", signed(content(org=["org_1"]))),
        ("an end that is text", signed(content(exp="tomorrow"))),
        ("an end that is true", signed(content(exp=True))),
        ("an end in the year 9999", signed(content(exp=253_402_300_799))),
        ("an end beyond the calendar", signed(content(exp=10**15))),
        ("a negative beginning", signed(content(iat=-1))),
    ]


FORGED = forged()


@pytest.mark.parametrize("token", [token for _, token in FORGED], ids=[name for name, _ in FORGED])
def test_no_other_token_is_believed(token: str) -> None:
    with pytest.raises(InvalidToken) as caught:
        accept(token)
    assert not isinstance(caught.value, TokenExpired)
    assert token not in str(caught.value)


def test_the_times_are_ours_with_some_leeway() -> None:
    end = CLAIMS.expires_at
    assert accept(TOKEN, end + 29 * SECOND) == CLAIMS
    with pytest.raises(TokenExpired):
        accept(TOKEN, end + 30 * SECOND)
    assert accept(TOKEN, NOON - 30 * SECOND) == CLAIMS
    with pytest.raises(InvalidToken, match="not valid yet"):
        accept(TOKEN, NOON - 31 * SECOND)
    later = signed(content(nbf=int((NOON + MINUTE).timestamp())))
    with pytest.raises(InvalidToken, match="not valid yet"):
        accept(later)


@given(st.text())
def test_no_text_breaks_the_reading(text: str) -> None:
    with pytest.raises(InvalidToken):
        key_id_of(text)


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from("AQgw_-09."))
def test_no_changed_character_is_accepted(at: int, other: str) -> None:
    changed = TOKEN[:at] + other + TOKEN[at + 1 :]
    try:
        claims = accept(changed)
    except (InvalidToken, AssertionError):
        return
    # The last character of a part may hold bits that base 64 does not use.
    assert claims == CLAIMS


def test_a_private_key_opens_only_where_it_belongs() -> None:
    another = replace(KEY, id=new_signing_key(SEALER, NOON).id)
    with pytest.raises(SealError):
        open_private(another, SEALER)
    assert "PRIVATE" not in repr(KEY)


def test_a_key_signs_for_its_time_and_is_published_until_its_last_token_is_over() -> None:
    life, token_life = timedelta(days=30), timedelta(minutes=10)
    assert is_due([], life, NOON)
    assert not is_due([KEY], life, NOON + life - SECOND)
    assert is_due([KEY], life, NOON + life)
    newer = replace(new_signing_key(SEALER, NOON + life), created_at=NOON + life)
    keys: list[StoredSigningKey] = [newer, KEY]
    assert retired(keys, token_life, NOON + life + token_life) == []
    assert retired(keys, token_life, NOON + life + token_life + OVERLAP) == [KEY.id]
    assert retired([KEY], token_life, NOON + 10 * life) == []
