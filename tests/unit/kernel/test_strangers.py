"""As the engine's own tests of the same: `engine/src/limit/strangers.rs`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.kernel.strangers import Strangers

BURST = 3


class Time:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def strangers(time: Time) -> Strangers:
    return Strangers(1.0, BURST, clock=time)


def exhaust(strangers: Strangers, source: str) -> int:
    tries = 0
    while strangers.take(source) is None:
        tries += 1
    return tries


def test_tries_are_used_up_and_come_back_one_by_one(strangers: Strangers, time: Time) -> None:
    assert exhaust(strangers, "192.0.2.7") == BURST
    assert strangers.take("192.0.2.7") == 2
    time.at += 1
    assert exhaust(strangers, "192.0.2.7") == 1
    time.at += 60
    assert exhaust(strangers, "192.0.2.7") == BURST


def test_a_try_that_is_given_back_can_be_used_again(strangers: Strangers) -> None:
    exhaust(strangers, "192.0.2.7")
    strangers.give_back("192.0.2.7")
    assert exhaust(strangers, "192.0.2.7") == 1


def test_one_source_does_not_pay_for_another(strangers: Strangers) -> None:
    exhaust(strangers, "192.0.2.7")
    assert strangers.take("192.0.2.8") is None


def test_a_64_is_one_source_and_a_mapped_address_is_its_ipv4_address(strangers: Strangers) -> None:
    exhaust(strangers, "2001:db8:1:2::1")
    assert strangers.take("2001:db8:1:2:ffff::9") is not None
    assert strangers.take("2001:db8:1:3::1") is None
    exhaust(strangers, "::ffff:192.0.2.7")
    assert strangers.take("192.0.2.7") is not None


@pytest.mark.parametrize("source", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_counted_only_where_it_was_asked_for(source: str, time: Time) -> None:
    passing, counting = Strangers(1.0, BURST, clock=time), Strangers(1.0, BURST, counts_loopback=True, clock=time)
    assert all(passing.take(source) is None for _ in range(100))
    assert exhaust(counting, source) == BURST


def test_no_rate_is_no_limit_and_counts_nobody(time: Time) -> None:
    open_to_all = Strangers(0.0, BURST, clock=time)
    assert all(open_to_all.take("192.0.2.7") is None for _ in range(100))
    assert open_to_all.sources == 0


def test_who_is_not_told_where_they_come_from_is_counted(strangers: Strangers) -> None:
    for _ in range(BURST):
        assert strangers.take(None) is None
    assert strangers.take(None) is not None


def test_the_table_is_bounded_and_further_sources_share_the_tries_of_one(time: Time) -> None:
    full = Strangers(1.0, BURST, capacity=4, clock=time)
    for number in range(4):
        exhaust(full, f"192.0.2.{number}")
    assert exhaust(full, "198.51.100.1") == BURST
    assert full.take("198.51.100.2") is not None
    assert full.sources <= 5
    # Those whose tries have all come back make room.
    time.at += 60
    assert exhaust(full, "198.51.100.3") == BURST
    assert full.sources <= 4


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.integers(1, 5), st.floats(0.1, 10))
def test_never_more_than_the_burst_and_what_came_back(waits: list[float], burst: int, rate: float) -> None:
    time = Time()
    strangers, begun, taken = Strangers(rate, burst, clock=time), time.at, 0
    for wait in waits:
        time.at += wait
        taken += strangers.take("192.0.2.7") is None
        assert taken <= burst + (time.at - begun) * rate + 1e-3
