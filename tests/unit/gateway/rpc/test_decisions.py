"""A gateway that asks over gRPC decides as one that asks in its own process, and goes on while nobody answers."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from headworks.dataplane.flow import FLOW_VERSION, SIGNER, Question
from headworks.dataplane.wire.control_pb2 import ResolveRequest
from headworks.kernel.clock import unix_ms
from headworks.kernel.secrets import Sealer, Secret
from tests.unit.gateway.conftest import CANARY, KEY_HASH, World, controller_of, key, outage, question
from tests.unit.gateway.rpc.conftest import Control, Gateway, gateway_of, until


@pytest.mark.parametrize(
    "asked",
    [
        question(),
        question("slow"),
        question("none such"),
        question(None, "models"),
        question("", "chat/completions"),
        question("fast", "files"),
        Question(KEY_HASH, None, SIGNER, "req_1"),
    ],
)
async def test_answers_are_those_of_the_controller(world: World, gateway: Gateway, asked: Question) -> None:
    _, direct = await controller_of(world).answer(7, json.dumps(asdict(asked)))
    assert await gateway.ask(asked) == json.loads(direct)


async def test_a_flow_outlives_the_control_plane_for_its_time(control: Control, gateway: Gateway) -> None:
    at_first = (await gateway.ask())["flow"]
    await control.stop()
    await until(lambda: not gateway.link.heard)
    kept = (await gateway.ask())["flow"]
    assert 0 < kept["hard_ms"] <= at_first["hard_ms"]
    assert kept["fresh_ms"] <= 2_000, "asked again soon"
    assert {**kept, "hard_ms": 0, "fresh_ms": 0} == {**at_first, "hard_ms": 0, "fresh_ms": 0}
    assert gateway.controller.from_memory == 1
    unknown = (await gateway.ask(question("slow")))["refusal"]
    assert (unknown["status"], unknown["cache_ms"]) == (503, 0), "never 401, and never 404"


async def test_a_flow_outlives_a_restart_of_the_gateway(control: Control, gateway: Gateway, tmp_path: Path) -> None:
    at_first = (await gateway.ask())["flow"]
    await gateway.kept.flush()
    await control.stop()
    again = gateway_of(f"127.0.0.1:{control.port}", folder=tmp_path)
    assert (await again.ask())["flow"]["targets"] == at_first["targets"]
    await again.link.close()
    again.kept.close()


async def test_what_is_known_ends_with_its_age(control: Control, gateway: Gateway, tmp_path: Path) -> None:
    await gateway.ask()
    await gateway.kept.flush()
    await control.stop()
    for later_ms, served in ((890_000, True), (910_000, False), (-3_600_000, True)):
        again = gateway_of(
            f"127.0.0.1:{control.port}", folder=tmp_path, clock_ms=partial(int.__add__, unix_ms(), later_ms)
        )
        assert ("flow" in await again.ask()) is served
        await again.link.close()
        again.kept.close()


async def test_what_was_refused_since_is_not_served_from_memory(
    control: Control, gateway: Gateway, world: World
) -> None:
    assert "flow" in await gateway.ask()
    world.key = None
    assert (await gateway.ask())["refusal"]["status"] == 401
    await control.stop()
    assert (await gateway.ask())["refusal"]["status"] == 503


async def test_a_database_that_is_down_is_an_outage_too(gateway: Gateway, world: World) -> None:
    assert "flow" in await gateway.ask()
    world.failure = outage
    assert "flow" in await gateway.ask()
    world.failure, world.age_ms = None, 10**9
    assert "flow" in await gateway.ask(), "what control knows is too old, and what we know is not"


async def test_a_bug_tells_nothing(gateway: Gateway, world: World) -> None:
    world.failure = lambda: RuntimeError("secret inside")
    answer = await gateway.ask()
    assert answer["refusal"]["status"] == 503
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await gateway.link.flows.Resolve(
            ResolveRequest(key_hash=KEY_HASH, endpoint="models", flow_version=FLOW_VERSION)
        )
    assert failed.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in str(failed.value)


async def test_an_older_gateway_is_told_what_to_do(gateway: Gateway) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match="install a newer gateway") as failed:
        await gateway.link.flows.Resolve(ResolveRequest(key_hash=KEY_HASH, flow_version=FLOW_VERSION - 1))
    assert failed.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_nothing_on_the_disk_can_be_read_or_moved(gateway: Gateway, tmp_path: Path) -> None:
    await gateway.ask()
    await gateway.kept.flush()
    assert CANARY.encode() not in (tmp_path / "flows.sqlite3").read_bytes()
    assert (tmp_path / "flows.sqlite3").stat().st_mode & 0o077 == 0
    with gateway.kept._file as file:
        file.execute("UPDATE flows SET model = '=slow' WHERE model = '=fast'")
    assert await gateway.kept.find(question("slow")) is None


async def test_health_is_told(control: Control, gateway: Gateway) -> None:
    stub = health_pb2_grpc.HealthStub(gateway.link.channel)
    for service in ("", "headworks.v1.FlowService", "headworks.v1.LeaseService"):
        answer = await stub.Check(  # type: ignore[attr-defined]
            health_pb2.HealthCheckRequest(service=service)
        )
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_change_while_an_answer_is_under_way_keeps_nothing_old(gateway: Gateway, world: World) -> None:
    assert "flow" in await gateway.ask()
    gateway.kept.forget_all()
    world.key = replace(key(), name="renamed")
    find = world.find

    async def slow(key_hash: str) -> object:
        gateway.controller.changed()
        return await find(key_hash)

    world.find = slow  # type: ignore[method-assign, assignment]
    assert "flow" in await gateway.ask()
    assert await gateway.kept.find(question()) is None


@pytest.mark.parametrize("how", ["question", "key", "all"])
async def test_what_is_forgotten_while_it_is_being_written_stays_forgotten(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    seal = Sealer.seal
    forget = {
        "question": lambda: gateway.kept.forget(question()),
        "key": lambda: gateway.kept.forget_key(KEY_HASH),
        "all": gateway.kept.forget_all,
    }[how]

    def slow(self: Sealer, secret: Secret, context: bytes) -> str:
        forget()
        return seal(self, secret, context)

    assert "flow" in await gateway.ask()
    monkeypatch.setattr(Sealer, "seal", slow)
    await gateway.kept.flush()
    assert await gateway.kept.find(question()) is None


async def test_what_is_being_written_is_known(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    found = list[bool]()
    seal, loop = Sealer.seal, asyncio.get_running_loop()

    def slow(self: Sealer, secret: Secret, context: bytes) -> str:
        asked = asyncio.run_coroutine_threadsafe(gateway.kept.find(question()), loop)
        found.append(asked.result(20) is not None)
        return seal(self, secret, context)

    assert "flow" in await gateway.ask()
    monkeypatch.setattr(Sealer, "seal", slow)
    await gateway.kept.flush()
    assert found == [True]


async def test_where_nothing_can_be_struck_out_nothing_is_read(
    control: Control, gateway: Gateway, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gateway.ask()
    await gateway.ask(question("slow"))
    await gateway.kept.flush()
    file = gateway.kept._file
    monkeypatch.setattr(gateway.kept, "_file", FullDisk())
    world.key = None
    assert (await gateway.ask())["refusal"]["status"] == 401, "what control says is passed on all the same"
    monkeypatch.setattr(gateway.kept, "_file", file)
    await control.stop()
    assert (await gateway.ask())["refusal"]["status"] == 503
    assert (await gateway.ask(question("slow")))["refusal"]["status"] == 503
    await gateway.kept.flush()
    assert file.execute("SELECT count(*) FROM flows").fetchone() == (0,), "made empty when the disk takes that"


class FullDisk:
    """A file that takes nothing."""

    def __enter__(self) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    def __exit__(self, *_: object) -> None: ...
