from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.identity.domain.throttle import (
    ACCOUNT,
    MOST_SECONDS,
    SOURCE,
    account_key,
    no_tries,
    source_key,
)
from tests.unit.identity.conftest import NOON

SECOND = timedelta(seconds=1)


def test_five_tries_are_free_and_then_each_waits_longer() -> None:
    waits = []
    tries = no_tries("a", NOON)
    for _ in range(20):
        tries = tries.counted(ACCOUNT, NOON)
        waits.append(int(tries.wait(NOON).total_seconds()))
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900, 900, 900]


def test_nobody_is_locked_out_for_good_and_all_is_forgotten() -> None:
    tries = no_tries("a", NOON)
    for _ in range(10_000):
        tries = tries.counted(ACCOUNT, NOON)
    assert tries.wait(NOON) == timedelta(seconds=MOST_SECONDS)
    assert tries.forget_at == NOON + timedelta(seconds=MOST_SECONDS) + ACCOUNT.forget
    assert tries.counted(ACCOUNT, tries.forget_at).failures == 1


def test_what_was_right_is_given_back_and_does_not_wait() -> None:
    tries = no_tries("a", NOON)
    for _ in range(5):
        tries = tries.counted(ACCOUNT, NOON)
    assert tries.wait(NOON) > timedelta(0)
    back = tries.given_back(NOON)
    assert (back.failures, back.wait(NOON)) == (4, timedelta(0))


@given(st.integers(0, 100_000))
def test_a_wait_never_shrinks(failures: int) -> None:
    for rule in (ACCOUNT, SOURCE):
        assert rule.delay(failures) <= rule.delay(failures + 1) <= timedelta(seconds=MOST_SECONDS)


def test_a_source_has_more_free_tries_than_an_account() -> None:
    assert SOURCE.free > ACCOUNT.free


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ("192.0.2.7", "source:192.0.2.7"),
        ("::ffff:192.0.2.7", "source:192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "source:2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "source:2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "source:2001:db8:1:3::/64"),
        ("", "source:unknown"),
        ("not an address", "source:unknown"),
    ],
)
def test_a_source_is_what_one_subscriber_has(source: str, key: str) -> None:
    assert source_key(source) == key


def test_what_was_typed_is_not_kept() -> None:
    assert "hunter2" not in account_key("hunter2 typed into the wrong field")
    assert account_key("a") != account_key("b")
