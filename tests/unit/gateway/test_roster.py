"""Which gateways there are, by what was heard of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from headworks.bootstrap.app import build_app
from headworks.gateway.domain.roster import KnownGateway, Roster
from headworks.gateway.ports import Holdings
from headworks.kernel.permissions import MANAGEMENT
from headworks.kernel.principal import Principal
from headworks.kernel.web import Authenticator

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
    roster.began("spl_1", "10.0.0.7:5", "1.0", 3)
    roster.told("spl_1", 12)
    clock.move(days=3)
    assert roster.gateways() == [KnownGateway("spl_1", "10.0.0.7:5", NOON, "1.0", 3, NOON, None, 12, 1)]


def test_what_it_says_of_itself_is_the_newest_and_what_it_leaves_out_stays(roster: Roster, clock: Clock) -> None:
    roster.began("spl_1", "10.0.0.7:5", "1.0", 3)
    clock.move(seconds=5)
    roster.heard("spl_1", "10.0.0.7:6", "", 0)
    clock.move(seconds=5)
    roster.heard("spl_1", "10.0.0.7:6", "1.1", None)
    (one,) = roster.gateways()
    assert (one.address, one.version, one.waiting_records) == ("10.0.0.7:6", "1.1", 0)
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


class Door:
    """Lets everybody in; `reads` with all permissions but the operator's."""

    async def authenticate(self, token: str, _source: str | None) -> Principal:
        held = MANAGEMENT if token == "operates" else MANAGEMENT - {"installation:operate"}
        return Principal("key_m", "key", "org_1", "prj_1", held)


@dataclass
class Held:
    """The port `Holdings`."""

    amounts: Mapping[str, int] = field(default_factory=dict)

    async def held_by(self, source: str) -> int:
        return self.amounts.get(source, 0)


async def test_an_operator_sees_them_all(roster: Roster, clock: Clock) -> None:
    app = build_app({Authenticator: Door(), Roster: roster, Holdings: Held({"spl_1": 1_500_000_000})})
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://headworks/api/v1",
        headers={"authorization": "Bearer operates"},
    ) as client:
        assert (await client.get("/gateways")).json()["data"] == []
        roster.follow(lambda: 14)
        roster.began("spl_1", "10.0.0.7:5", "1.0", 3)
        roster.told("spl_1", 12)
        roster.began("spl_2", "10.0.0.8:5")
        clock.move(seconds=9)
        roster.left("spl_2")
        roster.told("spl_2", 14)
        answer = (await client.get("/gateways")).json()
        second = (await client.get("/gateways", params={"page": 2, "per_page": 1})).json()
        reads = await client.get("/gateways", headers={"authorization": "Bearer reads"})
    assert answer["data"][0] == {
        "id": "spl_1",
        "address": "10.0.0.7:5",
        "state": "watching",
        "watching_since": "2026-01-02T12:00:00.000000Z",
        "away_since": None,
        "last_heard_at": "2026-01-02T12:00:00.000000Z",
        "version": "1.0",
        "revision": 12,
        "newest_revision": 14,
        "behind": 2,
        "waiting_records": 3,
        "held_nanodollars": 1_500_000_000,
        "held_usd": "1.50",
    }
    away = answer["data"][1]
    assert (away["state"], away["away_since"]) == ("away", "2026-01-02T12:00:09.000000Z")
    assert (away["version"], away["waiting_records"], away["behind"]) == (None, None, 0)
    assert second["data"] == answer["data"][1:]
    assert (reads.status_code, reads.json()["error"]["code"]) == (403, "missing_permission")
