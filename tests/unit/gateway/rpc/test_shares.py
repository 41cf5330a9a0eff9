"""Shares over gRPC are what the office hands out, and a gateway goes on without it."""

from __future__ import annotations

from dataclasses import replace

import grpc
import pytest

from headworks.dataplane.shares import Share, Shares, SharesQuestion
from headworks.dataplane.wire import control_pb2 as wire
from headworks.gateway.adapters.control import RemoteShares, connect
from headworks.kernel.errors import Unavailable
from tests.support.shares import ask
from tests.unit.gateway.conftest import controller_of, question
from tests.unit.gateway.rpc.conftest import Control, Gateway, until

ONE = ask(need=5, want=7, cap=3, used=2, number=2**60, amount=2**60, passing=((1, 1), (61_000, 1)))
ASKED = SharesQuestion("spl_1-a", (ONE, replace(ONE, limit_id="lim_2", unit="concurrent", window_s=0)))


async def test_a_gateway_is_answered_in_the_order_of_its_asks(control: Control, gateway: Gateway) -> None:
    few = SharesQuestion("spl_1-a", (ask("lim_a", need=5), ask("lim_b", need=500)))
    answer = await gateway.ask(few)
    assert answer == {
        "shares": [
            {"cap": 5, "used": 0, "enough": True, "free_in_ms": None},
            {"cap": 0, "used": 0, "enough": False, "free_in_ms": None},
        ]
    }
    assert [one.said.version for one in control.roster.gateways()] == ["1.2.3"], "it said who it is"


async def test_nothing_is_lost_on_the_way(control: Control, gateway: Gateway) -> None:
    answer = Shares((Share(2**60, 2**59, enough=True), Share(0, 0, enough=False, free_in_ms=0)))

    async def answers(asked: SharesQuestion) -> Shares:
        assert asked == ASKED
        return answer

    assert control.shares is not None
    control.shares.ask = answers  # type: ignore[method-assign,assignment]
    assert await gateway.shares.ask(ASKED) == answer


@pytest.mark.parametrize(
    "wrong",
    [
        wire.SharesRequest(asks=[]),
        wire.SharesRequest(life="x" * 200),
        wire.SharesRequest(life="spl_1", asks=[wire.ShareAsk(unit="requests")]),
        wire.SharesRequest(life="spl_1", asks=[wire.ShareAsk(limit_id="lim_1", unit="wishes")]),
        wire.SharesRequest(life="spl_1", asks=[wire.ShareAsk(limit_id="lim_1", unit="tokens", cap=1, used=2)]),
        wire.SharesRequest(life="spl_1", asks=[wire.ShareAsk(limit_id="lim_1", unit="tokens")] * 1_001),
    ],
)
async def test_what_no_gateway_says_is_refused(gateway: Gateway, wrong: wire.SharesRequest) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await gateway.link.shares.Ask(wrong)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_without_a_control_plane_the_engine_is_told_that_nobody_knows(control: Control, gateway: Gateway) -> None:
    await control.stop()
    with pytest.raises(Unavailable):
        await gateway.shares.ask(ASKED)
    assert (await gateway.ask(ASKED))["refusal"]["status"] == 503
    await control.start()
    await until(lambda: gateway.link.heard)
    assert "shares" in await gateway.ask(ASKED)


async def test_a_control_plane_of_before_there_were_shares(control: Control, gateway: Gateway) -> None:
    """It says UNIMPLEMENTED, as to any call that it does not know."""

    older = grpc.aio.server()
    port = older.add_insecure_port("127.0.0.1:0")
    await older.start()
    link = connect(f"127.0.0.1:{port}")
    with pytest.raises(Unavailable) as unknown:
        await RemoteShares(link).ask(ASKED)
    assert "UNIMPLEMENTED" in unknown.value.detail
    await link.close()
    await older.stop(0)


async def test_what_others_need_is_told_to_who_watches_and_is_no_change(control: Control, gateway: Gateway) -> None:
    gateway.table.told.clear()
    revision = gateway.watcher.revision
    await gateway.ask(question())
    control.changes.share("lim_1")
    await until(lambda: gateway.table.told == [("share", "lim_1")])
    control.changes.share("")
    await until(lambda: gateway.table.told[1:] == [("share", "")])
    assert (gateway.watcher.revision, control.changes.newest) == (revision, revision)
    await control.stop()
    assert "flow" in await gateway.ask(question()), "what was decided holds still"


async def test_one_process_alone_counts_for_nobody(control: Control) -> None:
    controller = controller_of(control.world)
    with pytest.raises(Unavailable):
        await controller.decide(ASKED)
