from __future__ import annotations

from datetime import timedelta

from headworks.catalog.contracts import Rates
from headworks.ledger.contracts import MarkUp, MarkUpBook
from headworks.usage.domain.intake import Intake
from headworks.usage.domain.rows import BUCKETS
from tests.unit.usage.conftest import NOON, NOON_US, book, event, price

YEAR = timedelta(days=365)


def rated(**changes: object) -> tuple[int | None, str | None]:
    """Cost and price of an event."""
    old = price("old", NOON - YEAR, NOON, 10**6)
    new = price("new", NOON, None, 2 * 10**6)
    subject, own = Intake(book(old, new), MarkUpBook(()), NOON_US).take(
        event(**{"output_tokens": 0, "reasoning_tokens": 0, **changes})
    )
    return own[-3], subject.price_id


def test_buckets_and_rates_go_together() -> None:
    names = [bucket.removesuffix("_tokens") for bucket in BUCKETS]
    assert (*names, "requests") == Rates._fields


def test_the_price_is_the_one_that_held_when_it_happened() -> None:
    assert rated(occurred_at_us=NOON_US - 1) == (100, "old")
    assert rated(occurred_at_us=NOON_US) == (200, "new")


def test_what_has_no_price_is_unpriced_and_not_free() -> None:
    assert rated(upstream_model="other") == (None, None)
    assert rated(provider_id="other") == (None, None)


def test_what_used_nothing_costs_nothing() -> None:
    nothing = dict.fromkeys(BUCKETS, 0)
    assert rated(**nothing, outcome="upstream_error", upstream_model="other") == (0, None)
    assert rated(**nothing, upstream_model="other") == (0, None)


def test_the_mark_up_is_the_one_that_held_when_it_happened() -> None:
    mark_ups = MarkUpBook([MarkUp("mup_1", "org_1", 500_000, NOON_US, 0), MarkUp("mup_2", "org_2", 10**6, 0, 0)])
    intake = Intake(book(price("new", NOON - YEAR, None, 10**6)), mark_ups, NOON_US)
    plain = {"output_tokens": 0, "reasoning_tokens": 0}
    for at_us, charge in ((NOON_US - 1, 100), (NOON_US, 150)):
        _, own = intake.take(event(occurred_at_us=at_us, **plain))
        assert own[-3:-1] == (100, charge)
