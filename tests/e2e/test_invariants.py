"""A thousand mixed requests with every fault that the mock provider has, paid from a budget: FAULTS' invariants I1 to I5."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.support.accounts import discrepancies
from tests.support.child import Failure, eventually
from tests.support.headworks import Headworks
from tests.support.load import Load
from tests.support.mock import MockProvider
from tests.support.rig import PROVIDER, Rig

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWERS = 1_000
GOOD = ("mock:tokens=5", "mock:tokens=60,rate=2000,cached=4", "mock:tokens=30,reasoning=9", "mock:until_close,crlf,bom")
FAULTS = (
    "hang",
    "html",
    "cut_json",
    "wrong_length",
    "two_lengths",
    "redirect",
    "half_event",
    "no_done",
    "no_usage",
    "unknown_events",
    "split=3",
    "comments",
    "status=429,retry_after=1",
    "status=500",
    "status=503,fail_first=2",
    "oversize=3000000",
    "drop_after=7",
    "close_after=7",
    "truncate=7",
    "hang_after=7",
    "error_after=7",
    "malformed=3",
    "usage=twice",
    "usage=negative",
    "usage=huge",
    "usage=wrong_total",
    "usage=null",
    "usage=float",
    "usage=inline",
    "usage=every",
)


@pytest.fixture
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway that waits a second for an upstream that says nothing."""
    with (
        MockProvider(tmp_path_factory.mktemp("mock")) as upstream,
        Headworks(
            tmp_path_factory.mktemp("headworks") / "home", upstream_first_byte_ms="1000", upstream_idle_ms="1000"
        ) as headworks,
    ):
        rig = Rig(headworks, upstream)
        rig.prepare()
        yield rig


def test_every_fault_is_accounted_for(impatient: Rig) -> None:
    management = impatient.headworks.management
    budget = management.post(
        "/budgets", {"name": "all", "scope": "organization", "amount_nanodollars": 10**16, "period": "total"}
    )["id"]
    for unit in ("requests", "tokens", "spend"):
        management.post("/limits", {"scope": "organization", "unit": unit, "window": "day", "amount": 10**12})
    models = [priced(impatient, model) for model in (*GOOD, *(f"mock:tokens=20,{fault}" for fault in FAULTS))]
    with Load(impatient.headworks, models, clients=16, seed=11) as load:
        eventually(lambda: load.answered >= ANSWERS, what=f"{ANSWERS} answers", seconds=240)
    impatient.upstream.wait_until_idle()

    # I1 complete, I2 single, I3 exact.
    def wrong() -> list[str]:
        return discrepancies(impatient.upstream.requests(), management.usage_events())

    with suppress(Failure):
        eventually(lambda: not wrong(), what="records of every request", seconds=30)
    assert wrong() == []
    records = management.usage_events()
    assert {record["outcome"] for record in records} >= {"success", "upstream_error", "truncated", "cancelled"}
    assert {record["usage_source"] for record in records} >= {"provider", "partial", "estimated", "none"}
    # I5 no residue.
    eventually(
        lambda: (
            impatient.headworks.metric("headworks_reservations_open") == 0
            and impatient.headworks.metric("headworks_reserved_nanodollars") == 0
            and impatient.headworks.metric("headworks_spool_open_intents") == 0
        ),
        what="nothing reserved, nothing under way",
    )
    # I4 conserved: records, roll-ups, budget and ledger say the same.
    charged = sum(record["charge_nanodollars"] or 0 for record in records)
    assert charged > 0
    eventually(
        lambda: management.get(f"/budgets/{budget}")["current"]["spent"]["nanodollars"] == charged, what="the budget"
    )
    assert management.get("/usage")["totals"]["cost_nanodollars"] == sum(
        record["cost_nanodollars"] or 0 for record in records
    )
    report = management.get("/ledger/verification")
    assert report["agrees"], report
    impatient.headworks.stop()
    impatient.headworks.start()
    current = management.get(f"/budgets/{budget}")["current"]
    assert (current["spent"]["nanodollars"], current["held"]["nanodollars"]) == (charged, 0)


def priced(rig: Rig, upstream_model: str) -> str:
    """The alias of an upstream model that has a price."""
    rates = {"input": 2_000_000_000, "output": 7_000_000_000, "cache_read": 1_000_000, "reasoning": 9_000_000_001}
    rig.headworks.management.post("/prices", {"provider": PROVIDER, "upstream_model": upstream_model, "rates": rates})
    return rig.model(upstream_model)
