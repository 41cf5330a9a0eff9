"""Which gateways there are, by what was heard of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from headworks.gateway.domain.roster import KnownGateway, Roster, Said

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@dataclass
class Clock:
    """Stands still until somebody moves it."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: int) -> None:
        self.at += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def roster(clock: Clock) -> Roster:
    return Roster(clock)


def test_a_gateway_that_watches_stays_however_long_it_asks_nothing(roster: Roster, clock: Clock) -> None:
    roster.began("spl_1", "10.0.0.7:5", Said("1.0", 3))
    roster.told("spl_1", 12)
    clock.move(days=3)
    assert roster.gateways() == [KnownGateway("spl_1", "10.0.0.7:5", NOON, Said("1.0", 3), NOON, None, 12, 1)]


def test_what_it_says_of_itself_is_the_newest_and_what_it_leaves_out_stays(roster: Roster, clock: Clock) -> None:
    roster.began("spl_1", "10.0.0.7:5", Said("1.0", 3))
    clock.move(seconds=5)
    roster.heard("spl_1", "10.0.0.7:6", Said("", 0, 2))
    clock.move(seconds=5)
    roster.heard("spl_1", "10.0.0.7:6", Said("1.1", draining=True))
    (one,) = roster.gateways()
    assert (one.address, one.said) == ("10.0.0.7:6", Said("1.1", 0, 2, draining=True))
    assert (one.watching_since, one.heard_at) == (NOON, NOON + timedelta(seconds=10))


def test_who_leaves_is_away_and_an_hour_later_forgotten(roster: Roster, clock: Clock) -> None:
    roster.began("spl_1", "a")
    clock.move(minutes=10)
    roster.left("spl_1")
    (one,) = roster.gateways()
    assert (one.watching_since, one.away_since) == (None, NOON + timedelta(minutes=10))
    clock.move(hours=1)
    assert len(roster.gateways()) == 1
    clock.move(seconds=1)
    assert roster.gateways() == []
    roster.told("spl_1", 9)
    roster.left("spl_1")
    assert roster.gateways() == []


def test_who_asks_without_watching_is_away_and_not_forgotten(roster: Roster, clock: Clock) -> None:
    roster.heard("spl_1", "a")
    clock.move(hours=2)
    roster.heard("spl_2", "b")
    assert [one.id for one in roster.gateways()] == ["spl_2"]
    clock.move(minutes=50)
    roster.heard("spl_2", "b")
    clock.move(minutes=50)
    assert [one.away_since for one in roster.gateways()] == [NOON + timedelta(hours=2)]


def test_who_comes_back_before_its_loss_was_noticed_watches_on(roster: Roster, clock: Clock) -> None:
    roster.began("spl_1", "a")
    clock.move(seconds=1)
    roster.began("spl_1", "b")
    roster.left("spl_1")
    (one,) = roster.gateways()
    assert (one.address, one.away_since, one.watches) == ("b", None, 1)
    roster.left("spl_1")
    roster.left("spl_1")
    assert roster.gateways()[0].watches == 0
    clock.move(seconds=1)
    roster.began("spl_1", "c")
    assert roster.gateways()[0].watching_since == NOON + timedelta(seconds=2)


def test_orders_are_news_once(roster: Roster) -> None:
    assert roster.order(frozenset({"spl_1"}))
    assert not roster.order(frozenset({"spl_1"}))
    assert (roster.is_to_drain("spl_1"), roster.is_to_drain("spl_2")) == (True, False)
    assert roster.order(frozenset())
