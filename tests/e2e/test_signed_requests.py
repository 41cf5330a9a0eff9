"""Signed requests by clients that know the standard: a library of its own, and the recipe of the guide in the official client."""

from __future__ import annotations

import re
import types
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest

from headworks.kernel.clock import now
from tests.e2e.test_cli import headworks as command
from tests.support.child import eventually
from tests.support.signatures import Signed, signing_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.rig import Rig

GUIDE = Path(__file__).parents[2] / "docs/guides/signed-requests.md"
CHAT = {"model": "headworks/echo", "messages": [{"role": "user", "content": "hi"}]}


def signer_of_the_guide() -> Callable[[str, str], Any]:
    """The first block of Python in the guide, run as the file that it is to be."""
    module = types.ModuleType("request_signing")
    [recipe, *_] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(recipe, str(GUIDE), "exec"), module.__dict__)  # noqa: S102 - the text is our own
    made: Callable[[str, str], Any] = module.__dict__["signer"]
    return made


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and error code."""
    return answer.status_code, answer.json().get("error", {}).get("code", "")


def make(rig: Rig, **fields: object) -> dict[str, Any]:
    """A key that signs."""
    return rig.headworks.management.create_key("signer", signing=True, **fields)


def chat(rig: Rig, auth: httpx.Auth | None, **headers: str) -> httpx.Response:
    """One request, signed or not."""
    address = f"{rig.headworks.url}/v1/chat/completions"
    return httpx.post(address, json=CHAT, auth=auth, headers=headers, trust_env=False, timeout=30)


def test_the_official_client_signs_with_the_recipe_of_the_guide(rig: Rig) -> None:
    key = make(rig)
    http = openai.DefaultHttpxClient(
        trust_env=False, event_hooks={"request": [signer_of_the_guide()(key["id"], key["key"])]}
    )
    model = rig.model("mock:echo,tokens=5")
    with openai.OpenAI(
        base_url=f"{rig.headworks.url}/v1", api_key="not sent", http_client=http, max_retries=0
    ) as client:
        answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "one two"}])
        seen = (answer.model_extra or {})["x_mock"]["received"]["headers"]
        assert not {"signature", "signature-input", "content-digest"} & set(seen)
        stream = client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "again"}], stream=True
        )
        assert [chunk for chunk in stream if chunk.choices]
        assert model in {listed.id for listed in client.models.list()}
        assert client.audio.transcriptions.create(model=rig.model("mock"), file=("a.wav", b"RIFF" * 1000)).text
        record = rig.record(answer._request_id or "")
        assert record["key_id"] == key["id"]


def test_a_client_that_repeats_signs_anew(rig: Rig) -> None:
    key = make(rig)
    http = openai.DefaultHttpxClient(
        trust_env=False, event_hooks={"request": [signer_of_the_guide()(key["id"], key["key"])]}
    )
    with (
        openai.OpenAI(base_url=f"{rig.headworks.url}/v1", api_key="x", http_client=http, max_retries=2) as client,
        pytest.raises(openai.InternalServerError) as failed,
    ):
        client.chat.completions.create(
            model=rig.model("mock:status=500"), messages=[{"role": "user", "content": "hello"}]
        )
    assert failed.value.response.headers["x-headworks-error-source"] == "upstream", "not refused as a replay"


async def test_so_does_the_official_asynchronous_client(rig: Rig) -> None:
    key = make(rig)
    sign = signer_of_the_guide()(key["id"], key["key"])

    async def sign_later(request: object) -> None:
        sign(request)

    http = openai.DefaultAsyncHttpxClient(trust_env=False, event_hooks={"request": [sign_later]})
    async with openai.AsyncOpenAI(base_url=f"{rig.headworks.url}/v1", api_key="x", http_client=http) as client:
        answer = await client.chat.completions.create(
            model="headworks/echo", messages=[{"role": "user", "content": "hi"}]
        )
    assert "hi" in (answer.choices[0].message.content or "")


def test_a_library_of_its_own_signs_for_both_apis(rig: Rig) -> None:
    key, manager = make(rig), make(rig, kind="management")
    with signing_client(rig.headworks.url, key["id"], key["key"]) as client:
        assert client.post("/v1/chat/completions", json=CHAT).status_code == 200
        assert client.get("/v1/models?x=1").status_code == 200
        assert code(client.get("/api/v1/keys")) == (403, "wrong_kind_of_key")
    with signing_client(rig.headworks.url, manager["id"], manager["key"]) as client:
        made = client.post("/api/v1/keys", json={"name": "made by a signer"})
        assert made.status_code == 201, made.text
        assert client.get("/api/v1/keys", params={"per_page": 1}).json()["meta"]["total"] > 1
        assert client.delete(f"/api/v1/keys/{made.json()['data']['id']}").status_code == 204
        assert code(client.get("/v1/models")) == (403, "wrong_kind_of_key")
    [event] = rig.headworks.management.get("/audit-events", action="key.created", resource_id=made.json()["data"]["id"])
    assert event["actor_id"] == manager["id"]


def test_known_signers_ask_nothing_of_python(rig: Rig) -> None:
    key = make(rig)
    assert chat(rig, Signed(key["id"], key["key"])).status_code == 200
    before = rig.headworks.metric("headworks_flow_misses_total")
    for _ in range(10):
        assert chat(rig, Signed(key["id"], key["key"])).status_code == 200
    assert rig.headworks.metric("headworks_flow_misses_total") == before


def test_a_key_that_signs_is_not_sent(rig: Rig) -> None:
    key, manager = make(rig), make(rig, kind="management")
    sent = {"authorization": f"Bearer {key['key']}"}
    assert code(chat(rig, None, **sent)) == (401, "signature_missing")
    of_manager = {"authorization": f"Bearer {manager['key']}"}
    listed = httpx.get(f"{rig.headworks.url}/api/v1/keys", headers=of_manager, trust_env=False)
    assert code(listed) == (401, "signature_missing")
    rig.headworks.management.send("PATCH", f"/keys/{key['id']}", {"bearer": True})
    assert chat(rig, None, **sent).status_code == 200
    assert chat(rig, Signed(key["id"], key["key"])).status_code == 200
    rig.headworks.management.send("PATCH", f"/keys/{key['id']}", {"bearer": False})
    assert code(chat(rig, None, **sent)) == (401, "signature_missing")


def test_a_rotation_overlaps_and_ends(rig: Rig) -> None:
    key = make(rig)
    assert chat(rig, Signed(key["id"], key["key"])).status_code == 200
    second = rig.headworks.management.post(f"/keys/{key['id']}/rotate", {"overlap_seconds": 3600})
    assert chat(rig, Signed(key["id"], key["key"])).status_code == 200
    assert chat(rig, Signed(key["id"], second["key"])).status_code == 200
    third = rig.headworks.management.post(f"/keys/{key['id']}/rotate", {"overlap_seconds": 0})
    for former in (key, second):
        assert code(chat(rig, Signed(key["id"], former["key"]))) == (401, "signature_invalid")
    assert chat(rig, Signed(key["id"], third["key"])).status_code == 200


def test_what_else_holds_for_keys_holds_for_those_that_sign(rig: Rig) -> None:
    held = make(rig, allowed_models=["other"])
    assert code(chat(rig, Signed(held["id"], held["key"]))) == (404, "model_not_found")
    elsewhere = make(rig, allowed_addresses=["203.0.113.0/24"])
    assert code(chat(rig, Signed(elsewhere["id"], elsewhere["key"]))) == (403, "address_not_allowed")
    endpoint = make(rig, allowed_endpoints=["embeddings"])
    assert code(chat(rig, Signed(endpoint["id"], endpoint["key"]))) == (403, "endpoint_not_allowed")
    soon = (now() + timedelta(seconds=2)).isoformat()
    short = make(rig, expires_at=soon)
    assert chat(rig, Signed(short["id"], short["key"])).status_code == 200
    eventually(lambda: code(chat(rig, Signed(short["id"], short["key"]))) == (401, "invalid_api_key"), what="its end")
    key = make(rig)
    assert chat(rig, Signed(key["id"], key["key"])).status_code == 200
    rig.headworks.management.delete(f"/keys/{key['id']}")
    refused = chat(rig, Signed(key["id"], key["key"]))
    assert code(refused) == (401, "invalid_api_key")
    assert "revoked" in refused.text
    assert code(chat(rig, Signed(key["id"], "hw_sk_guessed"))) == (401, "signature_invalid"), "nothing of its end"


class Changed(Signed):
    """Signs, and then sends something else: as somebody on the way would."""

    def __init__(self, key: dict[str, Any], change: Callable[[httpx.Request], None], **wanted: Any) -> None:  # noqa: ANN401 - as Signed takes it
        super().__init__(key["id"], key["key"], **wanted)
        self._change = change

    def auth_flow(self, request: httpx.Request) -> Any:  # noqa: ANN401 - a generator of httpx
        for signed in super().auth_flow(request):
            self._change(signed)
            yield signed


def header(name: str, value: str) -> Callable[[httpx.Request], None]:
    """Sets a header."""
    return lambda request: request.headers.update({name: value})


def other_body(request: httpx.Request) -> None:
    """The same length, another content."""
    changed = request.content.replace(b'"hi"', b'"ho"').replace(b'"one"', b'"two"')
    assert changed != request.content
    request._content = changed
    request.stream = httpx.ByteStream(changed)


@pytest.mark.parametrize("api", ["inference", "management"])
def test_bad_signatures_are_refused_with_their_reason(rig: Rig, api: str) -> None:
    key = make(rig, kind=api)
    is_inference = api == "inference"
    address = f"{rig.headworks.url}{'/v1/chat/completions' if is_inference else '/api/v1/keys'}"
    body: dict[str, object] = dict(CHAT) if is_inference else {"name": "one"}
    at, ahead = now() - timedelta(hours=1), now() + timedelta(hours=1)

    def send(auth: httpx.Auth, **headers: str) -> tuple[int, str]:
        return code(httpx.post(address, json=body, auth=auth, headers=headers, trust_env=False, timeout=30))

    before = len(rig.headworks.management.get("/keys", per_page="200"))
    plain = Signed(key["id"], key["key"])
    for auth, expected in [
        (Signed(key["id"], "hw_sk_wrong"), "signature_invalid"),
        (Signed("key_unknown", key["key"]), "signature_invalid"),
        (Signed("not-ours", key["key"]), "signature_malformed"),
        (Signed(key["id"], key["key"], nonce="short"), "signature_malformed"),
        (Signed(key["id"], key["key"], nonce="n" * 4096), "signature_malformed"),
        (Signed(key["id"], key["key"], created=at), "signature_expired"),
        (Signed(key["id"], key["key"], created=ahead), "signature_expired"),
        (Signed(key["id"], key["key"], covered=("@method",)), "component_not_covered"),
        (Signed(key["id"], key["key"], covered=("@target-uri",)), "component_not_covered"),
        (Signed(key["id"], key["key"], covered=("@method", "@authority", "@path")), "component_not_covered"),
        (Signed(key["id"], key["key"], covered=("@method", "@target-uri", '"accept";bs')), "component_not_supported"),
        (Changed(key, other_body), "digest_mismatch"),
        (Changed(key, header("content-digest", "sha-512=:AAAA:")), "digest_mismatch"),
        (Changed(key, header("content-type", "application/x+json")), "signature_invalid"),
        (Changed(key, header("host", "elsewhere")), "signature_invalid"),
        (Changed(key, header("x-headworks-model", "other")), "component_not_covered"),
        (Changed(key, header("idempotency-key", "other")), "component_not_covered"),
        (Changed(key, header("signature", "garbage")), "signature_malformed"),
        (Changed(key, header("signature-input", "x" * 20_000)), "signature_malformed"),
        (Changed(key, header("signature-input", ",".join(f"s{n}=1" for n in range(2000)))), "signature_malformed"),
    ]:
        assert send(auth) == (401, expected), auth
    both = Changed(key, header("authorization", f"Bearer {key['key']}"))
    assert send(both) == (400, "two_credentials")
    assert len(rig.headworks.management.get("/keys", per_page="200")) == before, "nothing was done"
    assert send(plain)[0] in {200, 201}


def test_a_signed_request_is_taken_once_on_each_api(rig: Rig) -> None:
    key, manager = make(rig), make(rig, kind="management")
    for auth, path, body in [
        (Signed(key["id"], key["key"]), "/v1/chat/completions", CHAT),
        (Signed(manager["id"], manager["key"]), "/api/v1/keys", {"name": "once"}),
    ]:
        request = httpx.Request("POST", f"{rig.headworks.url}{path}", json=body)
        [signed] = auth.auth_flow(request)
        with httpx.Client(trust_env=False, timeout=30) as client:
            assert client.send(signed).status_code in {200, 201}
            assert code(client.send(signed)) == (401, "signature_replayed")


def test_nobody_says_for_the_engine_who_signed(rig: Rig) -> None:
    """The engine's word to the control plane is not a caller's."""
    manager = make(rig, kind="management")
    with signing_client(rig.headworks.url, manager["id"], manager["key"]) as client:
        assert client.get("/api/v1/keys").status_code == 200
    for forged in ("x-headworks-signer", "X-Headworks-Signer"):
        for value in (manager["id"], "0" * 64):
            answer = httpx.get(f"{rig.headworks.url}/api/v1/keys", headers={forged: value}, trust_env=False)
            assert answer.status_code == 401, answer.text


def test_if_match_and_repeats_are_covered_and_kept_to(rig: Rig) -> None:
    manager = make(rig, kind="management")
    target = make(rig)
    auth = Signed(manager["id"], manager["key"], also=["if-match", "idempotency-key"])
    with httpx.Client(base_url=f"{rig.headworks.url}/api/v1", auth=auth, trust_env=False, timeout=30) as client:
        stale = client.patch(f"/keys/{target['id']}", json={"name": "b"}, headers={"if-match": '"stale"'})
        assert stale.status_code == 412, stale.text
        headers = {"idempotency-key": "signed-once"}
        first, again = (client.post("/keys", json={"name": "kept"}, headers=headers) for _ in range(2))
        assert first.json()["data"]["id"] == again.json()["data"]["id"], "signed anew, and the same answer"


def test_a_restart_and_a_new_keyring_key_keep_it(own: Rig) -> None:
    key = make(own)
    own.headworks.management.post(f"/keys/{key['id']}/rotate", {"overlap_seconds": 3600})
    rotated = own.headworks.management.post("/keyring/rotations", {})
    assert rotated["resealed"] >= 3, rotated
    assert rotated["remaining"] == 0
    assert own.headworks.stop() == 0
    before = now() - timedelta(seconds=5)
    own.headworks.start()
    assert chat(own, Signed(key["id"], key["key"])).status_code == 200, "the former secret"
    old = Signed(key["id"], key["key"], created=before)
    assert code(chat(own, old)) == (401, "signature_expired"), "nobody remembers its nonce"


def test_the_command_line_makes_one(rig: Rig) -> None:
    made = command(rig, "keys", "create", "--signing", "by the command line")
    secret = made.stdout.strip()
    [key_id] = re.findall(r"key_[0-9a-z]{26}", made.stderr)
    assert "keyid" in made.stderr
    assert chat(rig, Signed(key_id, secret)).status_code == 200
    listed = command(rig, "keys", "list").stdout
    assert any("signs" in line for line in listed.splitlines() if key_id in line)
    refused = command(rig, "keys", "create", "--bearer")
    assert (refused.returncode, "--signing" in refused.stderr) == (2, True)
