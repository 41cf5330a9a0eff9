"""Records that are older than they are to be kept, as an operator and the organisation's people meet them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.child import eventually
from tests.support.headworks import Headworks
from tests.support.shop import Shop, price

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.rig import Rig

_DAYS = 200
_DAY_S = 86_400


def grow_old(home: Path) -> None:
    """All that was stored happened so many days before."""
    with closing(sqlite3.connect(home / "usage.sqlite3")) as database:
        for table in ("usage_minutes", "usage_hours", "usage_days"):
            database.execute(f"UPDATE {table} SET start_s = start_s - {_DAYS * _DAY_S}")  # noqa: S608 - our own names
        past_us = _DAYS * _DAY_S * 10**6
        database.execute(f"UPDATE usage_events SET occurred_at_us = occurred_at_us - {past_us}")  # noqa: S608
        database.execute(f"UPDATE ledger_transactions SET at_us = at_us - {past_us}")  # noqa: S608
        database.commit()


def test_old_records_go_and_the_books_still_balance(own: Rig) -> None:
    shop = Shop(own, price(own, "mock:tokens=20"))
    key_id, key = shop.key("old")
    budget = shop.budget(key_id, 10**9, period="total")
    for _ in range(5):
        answer = shop.ask(key)
        assert answer.status_code == 200
        # Each is settled by a transaction of its own.
        own.record(answer.headers["x-request-id"])
    spent = shop.settled(budget)["spent"]
    assert spent == shop.cost_of(key_id) > 0
    assert own.headworks.stop() == 0
    grow_old(own.headworks.home)
    with Headworks(own.headworks.home, usage_record_months="3") as headworks:
        kept = Shop(type(own)(headworks, own.upstream), shop.model)
        eventually(
            lambda: headworks.metric("headworks_ledger_forgotten_records") > 0, what="records forgotten", seconds=60
        )
        assert kept.ask(key).status_code == 200
        assert kept.settled(budget)["spent"] > spent
        proof = kept.verified()
        assert (proof["records"], proof["forgotten_records"]) == (6, 4)
        assert headworks.metric("headworks_ledger_unforgettable_organizations") == 0
        assert headworks.metric("headworks_usage_kept_from_seconds") > 0
        (closed,) = headworks.management.get("/ledger/closed-periods")
        assert (closed["start"], closed["records"], closed["charge"]["nanodollars"]) == (None, 5, spent)
        with pytest.raises(AssertionError, match=r"422 .*records from before are not kept"):
            headworks.management.get("/usage-events", **{"from": "2020-01-01T00:00:00Z"})
        (told,) = headworks.management.get("/audit-events", action="period.closed")
        assert told["actor_kind"] == "system", told
