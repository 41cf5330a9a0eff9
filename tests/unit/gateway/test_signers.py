"""Keys that sign: who asks for them learns what they sign with, and what they may do is decided as for every key."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest

from headworks.dataplane.flow import SIGNER, Question
from headworks.identity.contracts import SigningSecret
from headworks.kernel.secrets import Secret
from tests.unit.gateway.conftest import KEY_HASH, NOON, World, controller_of, key

SIGNER_HASH = "b" * 64
CANARY = "hw_sk_canary-of-a-signer"
HOUR = timedelta(hours=1)


@pytest.fixture
def signing(world: World) -> World:
    world.key = key(signer_hash=SIGNER_HASH, bearer=False, sealed_secret="sealed")
    world.signing = [SigningSecret(Secret(CANARY)), SigningSecret(Secret("former"), NOON + HOUR)]
    return world


async def ask(world: World, key_hash: str, endpoint: str = "chat/completions") -> dict[str, Any]:
    controller = controller_of(world)
    question = Question(key_hash, None if endpoint == SIGNER else "fast", endpoint, "req_1")
    _, answer = await controller.answer(1, json.dumps(asdict(question)))
    whole: dict[str, Any] = json.loads(answer)
    return whole


async def test_a_signers_flow_holds_its_secrets_and_leads_nowhere(signing: World) -> None:
    flow = (await ask(signing, SIGNER_HASH, SIGNER))["flow"]
    until = int((NOON + HOUR).timestamp())
    assert flow["signing"] == {"secrets": [{"value": CANARY, "until": None}, {"value": "former", "until": until}]}
    assert (flow["targets"], flow["document"], flow["key_id"]) == ([], None, "key_1")
    assert (flow["fresh_ms"], flow["hard_ms"]) == (60_000, 900_000)


async def test_what_the_signer_may_do_is_a_flow_like_any_other(signing: World) -> None:
    flow = (await ask(signing, SIGNER_HASH))["flow"]
    assert flow["signing"] is None
    assert flow["targets"]


@pytest.mark.parametrize(
    "changes", [{"revoked_at": NOON - HOUR}, {"expires_at": NOON - HOUR}, {"organization_state": "disabled"}]
)
async def test_a_key_that_does_not_work_says_so_to_who_has_signed_with_it(
    signing: World, changes: dict[str, object]
) -> None:
    signing.key = key(signer_hash=SIGNER_HASH, bearer=False, **changes)
    assert (await ask(signing, SIGNER_HASH, SIGNER))["flow"]["signing"]["secrets"][0]["value"] == CANARY
    assert (await ask(signing, SIGNER_HASH))["refusal"]["code"] == "invalid_api_key"


async def test_a_key_that_signs_is_not_sent(signing: World) -> None:
    refusal = (await ask(signing, KEY_HASH))["refusal"]
    assert (refusal["status"], refusal["code"]) == (401, "signature_missing")
    signing.key = key(signer_hash=SIGNER_HASH, bearer=True)
    assert (await ask(signing, KEY_HASH))["flow"]["targets"]


async def test_who_is_no_signer_has_no_secrets(signing: World) -> None:
    for found, key_hash in [(None, SIGNER_HASH), (key(), KEY_HASH), (signing.key, KEY_HASH)]:
        signing.key = found
        assert (await ask(signing, key_hash, SIGNER))["refusal"]["code"] == "invalid_api_key"


async def test_what_is_remembered_in_an_outage_ends_in_time(signing: World) -> None:
    signing.age_ms = 800_000
    assert (await ask(signing, SIGNER_HASH, SIGNER))["flow"]["hard_ms"] == 100_000


async def test_a_secret_does_not_show(signing: World) -> None:
    assert CANARY not in repr(signing.signing)
