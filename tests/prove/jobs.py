"""kill -9 in the middle of each job of the control plane (fail point K11): done again, it comes to equal numbers.

The jobs: a day's sums made anew, counters made anew from entries, records rated anew, a period closed. Part of
`tests.prove.kills`. K10, between the ledger and a search index, is for when there is one.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx

from headworks.kernel.clock import now
from tests.support.child import eventually
from tests.support.rig import PROVIDER

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tests.support.headworks import Headworks
    from tests.support.rig import Rig

FAIL_POINT = "K11"
NAMES = ("sums made anew", "counters made anew", "rated anew", "period closed")


@dataclass(frozen=True)
class Job:
    """Something that is cut, and done again."""

    name: str
    start: Callable[[Headworks], object]
    """Asks for it; the process may die before it has answered."""
    finish: Callable[[Headworks], object]
    """Asks for it again, and waits for its end."""
    changes: bool = False
    """Whether it is to change what things come to, once."""


def cut_all(rig: Rig, budget: str, upstream_model: str, priced_at: datetime) -> list[str]:
    """Cuts each job, in order, of a Headworks that runs and has settled all that was used; what is wrong afterwards.

    The model has had its price since before `priced_at`, and was used after it.
    """
    headworks = rig.headworks
    found: list[str] = []
    for job in _jobs(upstream_model, priced_at):
        before = _numbers(headworks, budget)
        headworks.stop()
        headworks.start(fail_point=FAIL_POINT)
        # It dies before it can answer; a job of the background has answered already.
        with suppress(httpx.TransportError):
            job.start(headworks)
        eventually(lambda: not headworks.child.alive, what=f"death in the middle of: {job.name}", seconds=60)
        headworks.kill()
        headworks.start()
        after_the_kill = _numbers(headworks, budget)
        if after_the_kill != before:
            found.append(f"{job.name}: cut midway, it left {after_the_kill} of {before}")
        job.finish(headworks)
        once = _numbers(headworks, budget)
        job.finish(headworks)
        again = _numbers(headworks, budget)
        if again != once:
            found.append(f"{job.name}: done again it comes to {again}, and not to {once}")
        if (once != before) != job.changes:
            found.append(f"{job.name}: {before} became {once}")
        found += [f"{job.name}: {fault}" for fault in _faults(headworks)]
    return found


def _jobs(upstream_model: str, priced_at: datetime) -> list[Job]:
    started = priced_at.isoformat()
    # No later than this can be closed.
    until = (now() - timedelta(seconds=61)).isoformat()

    def dearer(headworks: Headworks) -> object:
        rates = {"input": 2_000_000_000, "output": 5_000_000_000}
        body = {"provider": PROVIDER, "upstream_model": upstream_model, "rates": rates, "valid_from": started}
        headworks.management.post("/prices", body)
        return headworks.management.post("/re-ratings", {"start": started})

    return [
        Job(NAMES[0], _sums, _sums),
        Job(NAMES[1], _counters, _counters),
        Job(
            NAMES[2],
            dearer,
            lambda headworks: headworks.management.post("/re-ratings", {"start": started}),
            changes=True,
        ),
        Job(
            NAMES[3],
            lambda headworks: _close(headworks, until),
            lambda headworks: _close(headworks, until),
            changes=True,
        ),
    ]


def _sums(headworks: Headworks) -> None:
    headworks.management.post("/usage-rebuilds", {"last_day": now().date().isoformat()})
    eventually(lambda: not headworks.management.get("/usage-rebuilds")["days"], what="sums made anew", seconds=60)


def _counters(headworks: Headworks) -> None:
    different = headworks.management.post("/ledger/counter-rebuilds", {})["different"]
    assert different == 0, f"{different} counters were wrong"


def _close(headworks: Headworks, until: str) -> None:
    """At most once: a second time is refused."""
    if not headworks.management.get("/ledger/closed-periods"):
        headworks.management.post("/ledger/closed-periods", {"until": until})


def _numbers(headworks: Headworks, budget: str) -> dict[str, Any]:
    """What everything comes to, as reports, the budget and the closed periods say it."""
    management = headworks.management
    current = management.get(f"/budgets/{budget}")["current"]
    return {
        "totals": management.get("/usage")["totals"],
        "spent": current["spent"]["nanodollars"],
        "authorized": current["authorized"]["nanodollars"],
        "closed": [(one["records"], one["charge"]) for one in management.get("/ledger/closed-periods")],
        "re_ratings": [(one["adjusted"], one["charge_after"]) for one in management.get("/re-ratings")],
    }


def _faults(headworks: Headworks) -> list[str]:
    management = headworks.management
    today, yesterday = now().date(), now().date() - timedelta(days=1)
    checked = [management.get("/usage-rebuilds/check", day=day.isoformat()) for day in (yesterday, today)]
    wrong = sum(one["wrong"] for one in checked)
    faults = [str(fault) for fault in management.get("/ledger/verification")["faults"]]
    return [*faults, *([f"{wrong} sums are wrong"] if wrong else [])]
