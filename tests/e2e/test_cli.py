"""The command line against a running server, as a user types it: every listing has `--json`, and secrets come from stdin."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx

from tests.support.child import ROOT, eventually
from tests.support.rig import PROVIDER_KEY
from tests.support.wire import exchange, post

if TYPE_CHECKING:
    from tests.support.rig import Rig


def headworks(rig: Rig, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command with the server's home and port in its environment."""
    environment = {
        "HEADWORKS_HOME": str(rig.headworks.home),
        "HEADWORKS_PORT": str(rig.headworks.port),
        "PYTHONPATH": str(ROOT / "src"),
    }
    command = [sys.executable, "-m", "headworks.entrypoints.cli", *arguments]
    return subprocess.run(  # noqa: S603 - our own command
        command, env=environment, input=stdin, capture_output=True, text=True, timeout=60, check=False
    )


def answer_of(rig: Rig, *arguments: str, stdin: str = "") -> Any:  # noqa: ANN401 - JSON
    """The JSON that a command with `--json` prints; it must succeed."""
    result = headworks(rig, *arguments, "--json", stdin=stdin)
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(result.stdout)


def test_from_a_provider_to_its_usage(own: Rig) -> None:
    """What a user does at first: provider, model, key, request, usage, revocation."""
    added = headworks(
        own,
        "providers",
        "add",
        "mine",
        "--dialect",
        "openai",
        "--base-url",
        own.upstream.base_url,
        "--api-key-stdin",
        stdin=PROVIDER_KEY,
    )
    assert added.returncode == 0, added.stderr
    assert PROVIDER_KEY not in added.stdout + added.stderr
    assert any(provider["name"] == "mine" for provider in answer_of(own, "providers", "list"))

    model = headworks(own, "models", "add", "my-model", "--provider", "mine", "--upstream-model", "mock:tokens=5")
    assert model.returncode == 0, model.stderr

    key = answer_of(own, "keys", "create", "my key")
    body = b'{"model": "my-model", "messages": [{"role": "user", "content": "hello"}]}'
    response = exchange(own.headworks.port, post("/v1/chat/completions", body, key=key["key"]))
    assert response.status == httpx.codes.OK, response
    own.record(response.headers["x-request-id"])

    rows = [row for row in answer_of(own, "usage", "--group-by", "key,model,day") if row["model"] == "my-model"]
    assert [(row["requests"], row["output_tokens"]) for row in rows] == [(1, 5)]
    assert {"input_tokens", "cost_nanodollars", "day"} <= set(rows[0])

    assert headworks(own, "keys", "revoke", key["id"]).returncode == 0

    def is_refused() -> bool:
        refused = exchange(own.headworks.port, post("/v1/chat/completions", body, key=key["key"]))
        return refused.status == httpx.codes.UNAUTHORIZED

    eventually(is_refused, what="the revoked key's refusal")


def test_status_and_doctor(own: Rig) -> None:
    assert answer_of(own, "status")
    healthy = headworks(own, "doctor", "--json")
    assert healthy.returncode == 0, healthy.stdout + healthy.stderr


def test_mistakes_are_explained(own: Rig) -> None:
    unknown = headworks(own, "models", "add", "x", "--provider", "mokc", "--upstream-model", "m")
    assert unknown.returncode == 1
    assert "mock" in unknown.stderr, "the nearest name"
    assert headworks(own, "models", "ad").returncode == 2
    stranger = subprocess.run(
        [sys.executable, "-m", "headworks.entrypoints.cli", "status"],
        env={"HEADWORKS_HOME": "/nonexistent", "HEADWORKS_PORT": "9", "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert stranger.returncode in {1, 3}
    assert "headworks up" in stranger.stdout + stranger.stderr


def test_a_name_with_slashes_is_a_name(own: Rig) -> None:
    """Models are called so, and the front door takes no escaped slash."""
    added = headworks(own, "providers", "add", "mine", "--base-url", own.upstream.base_url)
    assert added.returncode == 0, added.stderr
    target = ("--provider", "mine", "--upstream-model", "mock:tokens=5")
    for step in (("add", "team/fast:1", *target), ("change", "team/fast:1", *target), ("remove", "team/fast:1")):
        done = headworks(own, "models", *step)
        assert done.returncode == 0, done.stderr
    assert all(model["alias"] != "team/fast:1" for model in answer_of(own, "models", "list"))
