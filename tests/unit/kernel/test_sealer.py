from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from headworks.kernel.secrets import Sealer, SealError, Secret, open_keyring, seal_context
from headworks.kernel.secrets.cipher import decrypt, encrypt

PLACE = seal_context("org_1", "prv_1", "1")
ELSEWHERE = seal_context("org_1", "prv_2", "1")


@pytest.fixture
def sealer() -> Sealer:
    return Sealer({"old": b"o" * 32, "new": b"n" * 32}, "new")


def test_what_is_sealed_opens_in_its_place(sealer: Sealer) -> None:
    sealed = sealer.seal(Secret("sk-ü-canary-of-this-test"), PLACE)
    assert "canary" not in sealed
    assert sealed.isascii()
    assert sealer.open(sealed, PLACE).reveal() == "sk-ü-canary-of-this-test"


def test_two_seals_of_one_secret_differ(sealer: Sealer) -> None:
    assert sealer.seal(Secret("x"), PLACE) != sealer.seal(Secret("x"), PLACE)


def test_a_row_that_is_moved_does_not_open(sealer: Sealer) -> None:
    with pytest.raises(SealError, match="belongs elsewhere"):
        sealer.open(sealer.seal(Secret("x"), PLACE), ELSEWHERE)


def test_no_changed_character_opens(sealer: Sealer) -> None:
    sealed = sealer.seal(Secret("x"), PLACE)
    for at, character in enumerate(sealed):
        changed = sealed[:at] + ("A" if character != "A" else "B") + sealed[at + 1 :]
        # The last characters of base 64 hold bits that mean nothing: they may change without changing the bytes.
        with pytest.raises(SealError):
            if _bytes(changed) != _bytes(sealed):
                sealer.open(changed, PLACE)
            else:
                raise SealError("same bytes")


@pytest.mark.parametrize("text", ["", "hw1", "hw1.new.*.*", "hw9.new.AAAA.AAAA", "hw1.new..", "hw1.new.AAAA.AAAA"])
def test_damage_is_told_as_damage(sealer: Sealer, text: str) -> None:
    with pytest.raises(SealError, match="Enter it again"):
        sealer.open(text, PLACE)


def test_a_key_that_is_missing_is_named_in_the_log_only(sealer: Sealer) -> None:
    sealed = Sealer({"lost": b"l" * 32}, "lost").seal(Secret("x"), PLACE)
    with pytest.raises(SealError) as caught:
        sealer.open(sealed, PLACE)
    assert "lost" in caught.value.detail
    assert "keyring" in caught.value.message


def test_rotation_wraps_the_key_and_leaves_the_rest(sealer: Sealer) -> None:
    old = Sealer({"old": b"o" * 32}, "old").seal(Secret("x"), PLACE)
    new = sealer.rewrap(old, PLACE)
    assert new.split(".")[1] == "new"
    assert new.split(".")[3] == old.split(".")[3]
    assert Sealer({"new": b"n" * 32}, "new").open(new, PLACE).reveal() == "x"
    assert sealer.rewrap(new, PLACE) == new


def test_a_place_is_unambiguous() -> None:
    with pytest.raises(ValueError, match=r"\|"):
        seal_context("a|b", "c")


@pytest.mark.parametrize(("keys", "current"), [({}, "a"), ({"a": b"short"}, "a"), ({"a": b"a" * 32}, "b")])
def test_a_keyring_without_a_proper_key_is_refused(keys: dict[str, bytes], current: str) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(keys, current)


def test_the_keyring_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "keyring"
    sealed = open_keyring(path).seal(Secret("x"), PLACE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_keyring(path).open(sealed, PLACE).reveal() == "x"


def test_the_newest_key_of_the_file_seals(tmp_path: Path) -> None:
    path = tmp_path / "keyring"
    open_keyring(path)
    with path.open("a") as file:
        file.write(f"next {base64.b64encode(os.urandom(32)).decode()}\n")
    assert open_keyring(path).seal(Secret("x"), PLACE).split(".")[1] == "next"


def test_a_keyring_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keyring"
    open_keyring(path)
    path.chmod(0o640)
    with pytest.raises(PermissionError, match="chmod 600"):
        open_keyring(path)


@pytest.mark.parametrize("content", ["", "one", "a b c", "id AAAA", "id ****", "ü x"])
def test_a_damaged_keyring_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keyring"
    path.touch(mode=0o600)
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match="damaged"):
        open_keyring(path)


def _bytes(sealed: str) -> list[object]:
    parts: list[object] = list(sealed.split(".")[:2])
    for part in sealed.split(".")[2:]:
        try:
            parts.append(base64.urlsafe_b64decode(part))
        except ValueError:
            parts.append(part)
    return parts


@given(key=st.binary(min_size=32, max_size=32), plain=st.binary(max_size=4096), context=st.binary(max_size=256))
def test_the_cipher_is_the_one_of_another_library(key: bytes, plain: bytes, context: bytes) -> None:
    nonce = os.urandom(12)
    assert decrypt(key, nonce + AESGCM(key).encrypt(nonce, plain, context), context) == plain
    sealed = encrypt(key, plain, context)
    assert AESGCM(key).decrypt(sealed[:12], sealed[12:], context) == plain


@given(sealed=st.binary(max_size=64))
def test_the_cipher_opens_nothing_that_it_did_not_seal(sealed: bytes) -> None:
    with pytest.raises(ValueError, match="authentication failed"):
        decrypt(b"k" * 32, sealed, b"here")


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_the_cipher_takes_a_key_of_its_own_length_alone(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        encrypt(b"k" * length, b"", b"")
    with pytest.raises(ValueError, match="32 bytes"):
        decrypt(b"k" * length, b"s" * 64, b"")
