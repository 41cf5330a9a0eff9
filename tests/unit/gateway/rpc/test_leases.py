"""Leases over gRPC are what the ledger lends."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from headworks.dataplane.flow import Lease, LeaseQuestion, ReturnQuestion, Spent
from headworks.kernel.errors import Unavailable
from tests.unit.gateway.rpc.conftest import GATEWAY, Control, Gateway, until

LIFE = f"{GATEWAY}-0123456789abcdef"
WANTED = LeaseQuestion(LIFE, "bud_1", 5, 10, 100, "req_1")


async def test_leases_are_granted_as_they_are_in_one_process(control: Control, gateway: Gateway) -> None:
    for need in (1, 2**62):
        wanted = replace(WANTED, need=need, want=need)
        direct = await control.office.grant(wanted)
        assert await gateway.leases.grant(wanted) == direct


@pytest.mark.parametrize(
    "answer",
    [
        Lease(7, 8, 9),
        Spent(1, 2, 3, None),
        Spent(2**62, 2**61, 0, 2**60, hard=False),
        Lease(0, 30_000, 0),
        Spent(0, 0, 0, 0),
    ],
)
async def test_nothing_is_lost_on_the_way(control: Control, gateway: Gateway, answer: Lease | Spent) -> None:
    async def grant(wanted: LeaseQuestion) -> Lease | Spent:
        assert wanted == WANTED
        return answer

    control.office.grant = grant  # type: ignore[method-assign]
    assert await gateway.leases.grant(WANTED) == answer


async def test_what_is_given_back_arrives(control: Control, gateway: Gateway) -> None:
    given = list[ReturnQuestion]()

    async def take_back(returned: ReturnQuestion) -> None:
        given.append(returned)

    control.office.take_back = take_back  # type: ignore[method-assign]
    back = ReturnQuestion(LIFE, "bud_1", 5, 2**61)
    await gateway.leases.take_back(back)
    assert given == [back]


async def test_former_lives_are_released_when_they_are_settled(control: Control, gateway: Gateway) -> None:
    ids = [f"req_{number}" for number in range(2_500)]
    control.unsettled = {"req_3", "req_2499"}
    releasing = asyncio.create_task(gateway.leases.release(LIFE, ids))
    await asyncio.sleep(0.05)
    assert control.released == []
    control.unsettled = {"req_2499"}
    await asyncio.sleep(0.6)
    assert control.released == []
    control.unsettled = set()
    await until(releasing.done)
    assert control.released == [(GATEWAY, LIFE)]
    await gateway.leases.release(LIFE, [])
    assert control.released == [(GATEWAY, LIFE)] * 2


async def test_without_a_control_plane_nothing_is_lent(control: Control, gateway: Gateway) -> None:
    await control.stop()
    with pytest.raises(Unavailable):
        await gateway.leases.grant(WANTED)
    assert (await gateway.ask(WANTED))["refusal"]["status"] == 503
