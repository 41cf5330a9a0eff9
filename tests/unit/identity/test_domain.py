from __future__ import annotations

import re
import zlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.identity.contracts import KeyView
from headworks.identity.domain.grants import permissions_for
from headworks.identity.domain.keys import (
    KEY_PATTERN,
    check_expiry,
    check_hash,
    check_token,
    checksum,
    generate_key,
    hash_key,
    is_well_formed,
)
from headworks.identity.domain.limits import check_models
from headworks.identity.errors import InvalidKey, MoreThanOwnRights
from headworks.kernel.errors import Invalid
from headworks.kernel.permissions import INFERENCE, MANAGEMENT, Permission
from headworks.kernel.principal import Principal
from tests.unit.identity.conftest import NOON

permissions = st.frozensets(st.sampled_from(sorted(MANAGEMENT)))


def test_a_thousand_keys_match_the_published_pattern_and_differ() -> None:
    made = [generate_key("inference").key.reveal() for _ in range(500)]
    made += [generate_key("management").key.reveal() for _ in range(500)]
    assert all(re.fullmatch(KEY_PATTERN, key) and is_well_formed(key) for key in made)
    assert len(set(made)) == 1000
    assert {key[:6] for key in made} == {"hw_sk_", "hw_mk_"}


def test_a_key_is_described_by_its_ends() -> None:
    made = generate_key("inference")
    key = made.key.reveal()
    assert (made.prefix, made.last4) == (key[:6], key[-4:])
    assert made.key_hash == hash_key(key)
    assert key not in repr(made)


def test_the_checksum_is_crc_32_in_base_62() -> None:
    """The engine computes the same: `engine/src/auth/key.rs`."""
    body = "hw_sk_" + "0" * 32
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number = 0
    for character in checksum(body):
        number = number * 62 + digits.index(character)
    assert number == zlib.crc32(body.encode())
    assert checksum(body) == "3Kx8yG"


@given(st.data())
def test_no_mistyped_character_passes(data: st.DataObject) -> None:
    key = "hw_sk_" + "0" * 32 + checksum("hw_sk_" + "0" * 32)
    at = data.draw(st.integers(min_value=0, max_value=len(key) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda character: character != key[at]))
    assert not is_well_formed(key[:at] + other + key[at + 1 :])


@given(st.text())
def test_no_random_text_is_a_key(text: str) -> None:
    assert not is_well_formed(text)


def test_a_mistyped_key_is_told_before_it_is_looked_up() -> None:
    key = generate_key("inference").key.reveal()
    assert check_token(key) == hash_key(key)
    with pytest.raises(InvalidKey, match="mistyped or cut"):
        check_token(key[:-1])
    assert check_token("sk-imported-from-elsewhere") == hash_key("sk-imported-from-elsewhere")


@pytest.mark.parametrize("text", ["", "abc", "A" * 64, "g" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n"])
def test_only_a_hash_is_imported(text: str) -> None:
    with pytest.raises(Invalid):
        check_hash(text)


def test_an_end_lies_ahead() -> None:
    assert check_expiry(None, NOON) is None
    assert check_expiry(NOON + timedelta(seconds=1), NOON)
    with pytest.raises(Invalid, match="expires_at"):
        check_expiry(NOON, NOON)


@pytest.mark.parametrize(
    "models", [[], [""], ["a\nb"], ["x" * 257], ["é" * 129], ["\ud800"], [str(number) for number in range(257)]]
)
def test_models_are_names(models: list[str]) -> None:
    with pytest.raises(Invalid, match="allowed_models"):
        check_models(models)


def test_models_keep_their_order_and_lose_repetitions() -> None:
    assert check_models(["b", "a", "b"]) == ("b", "a")
    assert check_models(None) is None


@given(own=permissions, wanted=st.none() | permissions)
def test_nobody_makes_a_key_that_may_do_more_than_theirs(
    own: frozenset[Permission], wanted: frozenset[Permission] | None
) -> None:
    creator = Principal("key_1", "key", "org_1", "prj_1", own)
    try:
        given_ = permissions_for("management", wanted, creator)
    except (MoreThanOwnRights, Invalid):
        assert not (wanted if wanted is not None else own) or (wanted is not None and not wanted <= own)
    else:
        assert given_
        assert given_ <= own
        assert given_ == (own if wanted is None else wanted)


def test_an_inference_key_may_do_inference_and_nothing_else(admin: Principal) -> None:
    assert permissions_for("inference", None, admin) == INFERENCE
    assert permissions_for("inference", ["inference"], admin) == INFERENCE
    with pytest.raises(Invalid, match="management keys"):
        permissions_for("inference", ["keys:read"], admin)
    with pytest.raises(Invalid, match="inference keys"):
        permissions_for("management", ["inference"], admin)


def test_a_state_follows_from_its_times() -> None:
    key = KeyView("key_1", "o", "p", "n", "inference", INFERENCE, "h", "", "", NOON, "system", expires_at=NOON)
    assert key.state(NOON - timedelta(microseconds=1)) == "active"
    assert key.state(NOON) == "expired"
