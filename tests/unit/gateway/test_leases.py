"""Questions about leases, at the controller's door."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from headworks.dataplane.flow import AnyQuestion, Lease, LeaseQuestion, ReturnQuestion, Spent
from headworks.gateway.adapters.memory import MemoryLeaseOffice
from headworks.kernel.errors import Unavailable
from tests.unit.gateway.conftest import World, controller_of


async def ask(world: World, office: MemoryLeaseOffice, question: AnyQuestion) -> dict[str, Any]:
    controller = controller_of(world, leases=office)
    _, answer = await controller.answer(1, json.dumps(asdict(question)))
    whole: dict[str, Any] = json.loads(answer)
    return whole


def lease(need: int, want: int = 0) -> LeaseQuestion:
    return LeaseQuestion("spool_1", "bud_1", 0, need, max(need, want), "req_1")


async def test_what_is_granted_and_given_back_adds_up(world: World) -> None:
    office = MemoryLeaseOffice({"bud_1": 1000})
    granted = (await ask(world, office, lease(10, 100)))["lease"]
    assert (granted["granted"], granted["remaining"]) == (100, 900)
    assert granted["term_ms"] > 0
    refused = (await ask(world, office, lease(901)))["spent"]
    assert refused == {"amount": 1000, "spent": 0, "held": 100, "resets_at_us": None, "hard": True}
    assert await ask(world, office, ReturnQuestion("spool_1", "bud_1", 0, 60)) == {"returned": {}}
    assert (await ask(world, office, lease(901)))["lease"]["granted"] == 901


async def test_slices_shrink_near_the_end(world: World) -> None:
    office = MemoryLeaseOffice({"bud_1": 1000})
    sizes = [(await ask(world, office, lease(1, 1000)))["lease"]["granted"] for _ in range(5)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1] >= 1


async def test_what_is_not_there_is_spent(world: World) -> None:
    assert (await ask(world, MemoryLeaseOffice(), lease(1)))["spent"]["amount"] == 0
    assert await ask(world, MemoryLeaseOffice(), ReturnQuestion("s", "bud_1", 0, 5)) == {"returned": {}}


class Away(MemoryLeaseOffice):
    async def grant(self, wanted: LeaseQuestion) -> Lease | Spent:
        raise Unavailable("down")


async def test_an_outage_is_no_spent_budget(world: World) -> None:
    refusal = (await ask(world, Away({"bud_1": 10}), lease(1)))["refusal"]
    assert (refusal["status"], refusal["code"]) == (503, "controller_unavailable")


async def test_a_question_of_an_unknown_kind_is_answered(world: World) -> None:
    controller = controller_of(world)
    _, answer = await controller.answer(1, '{"kind": "other"}')
    assert json.loads(answer)["refusal"]["status"] == 503
