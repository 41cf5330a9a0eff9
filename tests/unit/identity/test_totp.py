from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from headworks.identity.domain.recovery import hash_code, new_codes
from headworks.identity.domain.totp import matching_step, new_secret, provisioning_uri
from headworks.kernel.secrets import Secret

# RFC 6238, appendix B: the secret is "12345678901234567890"; its eight digits end in our six.
RFC_SECRET = Secret(base64.b32encode(b"12345678901234567890").decode())
RFC_VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]
STEP = timedelta(seconds=30)


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(("seconds", "code"), RFC_VECTORS)
def test_the_vectors_of_the_rfc(seconds: int, code: str) -> None:
    assert matching_step(RFC_SECRET, code, moment(seconds), 0) == seconds // 30


def test_one_step_to_either_side_is_tolerated_and_no_more() -> None:
    at, code = moment(1111111111), "050471"
    step = 1111111111 // 30
    assert matching_step(RFC_SECRET, code, at - STEP, 0) == step
    assert matching_step(RFC_SECRET, code, at + STEP, 0) == step
    assert matching_step(RFC_SECRET, code, at - 2 * STEP, 0) is None
    assert matching_step(RFC_SECRET, code, at + 2 * STEP, 0) is None


def test_a_used_code_and_those_before_it_never_match_again() -> None:
    at, step = moment(1111111111), 1111111111 // 30
    assert matching_step(RFC_SECRET, "050471", at, step) is None
    assert matching_step(RFC_SECRET, "081804", at, step) is None
    assert matching_step(RFC_SECRET, "050471", at, step - 1) == step


@pytest.mark.parametrize("code", ["", "05047", "0504711", "050472", "абвгде", "\ud800", "050471\n", "+50471"])
def test_what_is_not_the_code_does_not_match(code: str) -> None:
    assert matching_step(RFC_SECRET, code, moment(1111111111), 0) is None


def test_the_address_for_the_app_holds_what_it_needs() -> None:
    secret = new_secret()
    uri = provisioning_uri(secret, "ada@example.org")
    parts = urlsplit(uri.reveal())
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parse_qs(parts.query)["secret"] == [secret.reveal()]
    assert parse_qs(parts.query)["issuer"] == ["Headworks"]
    assert len(base64.b32decode(secret.reveal())) == 20
    assert secret.reveal() not in repr(uri)


def test_recovery_codes_differ_and_are_read_kindly() -> None:
    codes = [code.reveal() for code in new_codes()]
    assert len(set(codes)) == 10
    assert {len(code) for code in codes} == {19}
    assert hash_code(codes[0]) == hash_code(codes[0].upper().replace("-", " "))
    assert hash_code(codes[0]) != hash_code(codes[1])
