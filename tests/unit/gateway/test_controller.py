from __future__ import annotations

import io
import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest

from headworks.catalog.contracts import Snapshot
from headworks.gateway.settings import GatewaySettings
from headworks.identity.contracts import KeyOwner
from headworks.kernel.permissions import MANAGEMENT
from tests.unit.gateway.conftest import CANARY, NOON, World, controller_of, key, outage, question, snapshot, target

HOUR = timedelta(hours=1)


async def ask(world: World, model: str | None = "fast", endpoint: str = "chat/completions") -> dict[str, Any]:
    """The answer as the engine reads it."""
    controller = controller_of(world)
    number, answer = await controller.answer(5, json.dumps(asdict(question(model, endpoint))))
    assert number == 5
    whole: dict[str, Any] = json.loads(answer)
    return whole


async def flow(world: World, model: str | None = "fast", endpoint: str = "chat/completions") -> dict[str, Any]:
    answer: dict[str, Any] = (await ask(world, model, endpoint))["flow"]
    return answer


async def refused(world: World, model: str | None = "fast", endpoint: str = "chat/completions") -> tuple[int, str, str]:
    refusal = (await ask(world, model, endpoint))["refusal"]
    return refusal["status"], refusal["code"], refusal["message"]


async def test_a_known_key_and_model_make_a_flow(world: World) -> None:
    assert await flow(world, "fast") == {
        "organization_id": "org_1",
        "project_id": "prj_1",
        "key_id": "key_1",
        "model": "fast",
        "targets": [
            {
                "deployment_id": "dep_1",
                "provider_id": "prv_1",
                "dialect": "openai",
                "base_url": "https://models.example/v1",
                "upstream_model": "gpt",
                "credential": {"id": "prv_1.1", "value": f"Bearer {CANARY}", "header": "authorization"},
                "weight": 2,
                "stream_usage": False,
                "private_network": True,
                "rates": None,
                "max_output_tokens": 4096,
            }
        ],
        "document": None,
        "policy": {
            "connect_ms": 5000,
            "first_byte_ms": 600_000,
            "idle_ms": 120_000,
            "total_ms": 3_600_000,
            "attempts": 3,
        },
        "fresh_ms": 60_000,
        "hard_ms": 900_000,
        "revision": 7,
        "addresses": None,
        "signing": None,
        "user_id": "",
        "limits": [],
        "budgets": [],
        "markup_ppm": 0,
        "version": 2,
    }


async def test_a_flow_says_whose_key_it_is(world: World) -> None:
    world.key = key(owner=KeyOwner("user", "usr_1", role="viewer"))
    assert (await flow(world))["user_id"] == "usr_1"
    world.key = key(owner=KeyOwner("service_account", "sva_1", role="viewer"))
    assert (await flow(world))["user_id"] == ""


async def test_deadlines_are_the_operators(world: World) -> None:
    settings = GatewaySettings(upstream_connect_ms=1, upstream_first_byte_ms=2, upstream_idle_ms=3, upstream_total_ms=4)
    controller = controller_of(world, settings=settings)
    _, answer = await controller.answer(1, json.dumps(asdict(question())))
    assert json.loads(answer)["flow"]["policy"] == {
        "connect_ms": 1,
        "first_byte_ms": 2,
        "idle_ms": 3,
        "total_ms": 4,
        "attempts": 3,
    }


async def test_a_provider_without_a_credential_gets_none(world: World) -> None:
    world.snapshot_ = snapshot("fast", targets=(target(credential=None, credential_id=None),))
    assert (await flow(world))["targets"][0]["credential"] is None


async def test_an_unknown_key(world: World) -> None:
    world.key = None
    status, code, message = await refused(world)
    assert (status, code) == (401, "invalid_api_key")
    assert "headworks keys create" in message


async def test_a_revoked_key_says_when(world: World) -> None:
    world.key = key(revoked_at=NOON - HOUR, expires_at=NOON - 2 * HOUR)
    status, code, message = await refused(world)
    assert (status, code) == (401, "invalid_api_key")
    assert "revoked on 2026-01-02 at 11:00:00 UTC" in message


async def test_an_expired_key_says_when(world: World) -> None:
    world.key = key(expires_at=NOON)
    status, code, message = await refused(world)
    assert (status, code) == (401, "invalid_api_key")
    assert "expired on 2026-01-02 at 12:00:00 UTC" in message


@pytest.mark.parametrize("endpoint", ["chat/completions", "models"])
async def test_a_management_key_is_for_managing(world: World, endpoint: str) -> None:
    world.key = key(kind="management", permissions=MANAGEMENT)
    status, code, message = await refused(world, endpoint=endpoint)
    assert (status, code) == (403, "wrong_kind_of_key")
    assert "hw_sk_" in message


async def test_a_flow_ends_with_its_key(world: World) -> None:
    world.key = key(expires_at=NOON + timedelta(seconds=30))
    found = await flow(world)
    assert (found["fresh_ms"], found["hard_ms"]) == (30_000, 30_000)
    world.key = key(expires_at=NOON + timedelta(minutes=2))
    found = await flow(world)
    assert (found["fresh_ms"], found["hard_ms"]) == (60_000, 120_000)


async def test_an_unknown_model_names_the_nearest(world: World) -> None:
    status, code, message = await refused(world, "fats")
    assert (status, code) == (404, "model_not_found")
    assert "The model `fats` does not exist or you do not have access to it. Did you mean `fast`?" in message


async def test_what_a_key_may_not_use_is_what_does_not_exist(world: World) -> None:
    world.key = key(allowed_models=("slow",))
    for model in ("fast", "fasx"):
        status, code, message = await refused(world, model)
        assert (status, code) == (404, "model_not_found")
        assert f"The model `{model}` does not exist or you do not have access to it." in message
        assert "`fast`" not in message.replace(f"`{model}`", "")


async def test_the_list_of_models_has_openais_shape(world: World) -> None:
    world.snapshot_ = snapshot("fast", "slow", hidden=("provider-1/gpt",))
    found = await flow(world, None, "models")
    assert found["targets"] == []
    assert (found["document"]["status"], found["document"]["content_type"]) == (200, "application/json")
    assert json.loads(found["document"]["body"]) == {
        "object": "list",
        "data": [
            {"id": name, "object": "model", "created": int(NOON.timestamp()), "owned_by": "provider-1"}
            for name in ("fast", "slow")
        ],
    }


async def test_the_list_holds_what_the_key_may_use(world: World) -> None:
    world.snapshot_ = snapshot("fast", "slow", hidden=("provider-1/gpt",))
    world.key = key(allowed_models=("provider-1/gpt", "slow", "gone"))
    body = json.loads((await flow(world, None, "models"))["document"]["body"])
    assert [model["id"] for model in body["data"]] == ["provider-1/gpt", "slow"]


async def test_one_model_is_shown(world: World) -> None:
    body = json.loads((await flow(world, "slow", "models/{id}"))["document"]["body"])
    assert (body["id"], body["object"]) == ("slow", "model")
    assert (await refused(world, "none", "models/{id}"))[:2] == (404, "model_not_found")
    assert (await refused(world, None, "models/{id}"))[0] == 400


@pytest.mark.parametrize("endpoint", ["chat/completions", "completions", "embeddings", "audio/speech", "rerank"])
async def test_some_endpoints_need_a_model(world: World, endpoint: str) -> None:
    world.snapshot_ = snapshot("fast", whole_provider=target())
    answer = (await ask(world, None, endpoint))["refusal"]
    assert (answer["status"], answer["code"], answer["param"]) == (400, "missing_model", "model")


async def test_without_a_model_the_only_provider_is_meant(world: World) -> None:
    only = target(deployment_id="", upstream_model=None)
    world.snapshot_ = snapshot("fast", whole_provider=only)
    found = await flow(world, None, "other")
    assert (found["model"], found["targets"][0]["upstream_model"]) == ("", None)


async def test_without_a_model_or_an_only_provider_the_header_is_asked_for(world: World) -> None:
    status, code, message = await refused(world, None, "other")
    assert (status, code) == (400, "missing_model")
    assert "x-headworks-model" in message


async def test_a_key_for_some_models_does_not_get_the_whole_provider(world: World) -> None:
    world.key = key(allowed_models=("fast",))
    world.snapshot_ = snapshot("fast", whole_provider=target())
    assert (await refused(world, None, "other"))[0] == 400


async def test_targets_that_cannot_be_used_are_left_out(world: World) -> None:
    broken = target(deployment_id="dep_2", problem="no credential")
    world.snapshot_ = snapshot("fast", targets=(broken, target()))
    assert [one["deployment_id"] for one in (await flow(world))["targets"]] == ["dep_1"]


async def test_a_model_without_a_usable_target_is_unavailable(world: World) -> None:
    world.snapshot_ = snapshot("fast", targets=(target(problem="secret place"),))
    status, code, message = await refused(world)
    assert (status, code) == (503, "model_unavailable")
    assert "secret place" not in message


async def test_an_unusable_only_provider_is_unavailable(world: World) -> None:
    world.snapshot_ = snapshot("fast", whole_provider=target(problem="no credential"))
    assert (await refused(world, None, "other"))[0] == 503


@pytest.mark.parametrize("part", ["identity", "catalog"])
async def test_an_outage_is_503_and_not_remembered(world: World, part: str) -> None:
    world.failure = outage if part == "identity" else None
    world.catalog_fails = part == "catalog"
    answer = (await ask(world))["refusal"]
    assert (answer["status"], answer["cache_ms"], answer["type"]) == (503, 0, "server_error")


async def test_a_bug_is_503_and_logged(world: World, log: io.StringIO) -> None:
    world.failure = lambda: KeyError("oops")
    assert (await refused(world))[0] == 503
    assert "oops" in log.getvalue()


async def test_a_question_that_cannot_be_read_is_answered_too(world: World) -> None:
    controller = controller_of(world)
    for text in ("", "{}", '{"key_hash": 1}'):
        _, answer = await controller.answer(1, text)
        assert json.loads(answer)["refusal"]["status"] == 503


async def test_what_is_served_in_an_outage_ends_in_time(world: World) -> None:
    world.age_ms = 800_000
    found = await flow(world)
    assert (found["fresh_ms"], found["hard_ms"]) == (60_000, 100_000)
    world.age_ms = 0
    world.snapshot_ = snapshot("fast", age_ms=899_000)
    found = await flow(world)
    assert (found["fresh_ms"], found["hard_ms"]) == (1000, 1000)
    world.age_ms = 900_000
    assert (await refused(world))[0] == 503


async def test_no_secret_is_logged(world: World, log: io.StringIO) -> None:
    await ask(world)
    await ask(world, "none")
    world.snapshot_ = snapshot("fast", targets=(target(problem="x"),))
    await ask(world)
    assert CANARY not in log.getvalue()
    assert CANARY not in repr(world.snapshot_)


def large_snapshot() -> Snapshot:
    return snapshot(*(f"provider-{number % 7}/model-{number}-instruct" for number in range(5000)))


async def test_a_large_catalog_does_not_make_typos_dear(world: World) -> None:
    world.snapshot_ = large_snapshot()
    _, _, message = await refused(world, "PROVIDER-3/model-3-instrukt")
    assert "`provider-3/model-3-instruct`" in message


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"organization_state": "disabled"}, "organisation is disabled"),
        ({"project_state": "archived"}, "project is archived"),
        ({"owner": KeyOwner("user", "usr_1", state="disabled", role="viewer")}, "owner is disabled"),
        ({"owner": KeyOwner("user", "usr_1", role=None)}, "owner left"),
    ],
)
async def test_a_suspended_key_is_told_why(world: World, changes: dict[str, object], says: str) -> None:
    world.key = key(**changes)
    status, code, message = await refused(world)
    assert (status, code) == (401, "invalid_api_key")
    assert says in message


async def test_a_key_is_held_to_endpoints(world: World) -> None:
    world.key = key(allowed_endpoints=("chat/completions",))
    assert await flow(world)
    assert (await refused(world, "fast", "embeddings"))[:2] == (403, "endpoint_not_allowed")
    assert (await refused(world, None, "models"))[:2] == (403, "endpoint_not_allowed")
    world.key = key(allowed_endpoints=("models",))
    assert await flow(world, None, "models")
    assert await flow(world, "fast", "models/{id}")


async def test_networks_go_with_every_answer(world: World) -> None:
    world.key = key(allowed_addresses=("10.0.0.0/8",))
    assert (await flow(world))["addresses"] == ["10.0.0.0/8"]
    assert (await ask(world, "absent"))["refusal"]["addresses"] == ["10.0.0.0/8"]
