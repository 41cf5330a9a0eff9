"""The tutorials do what they say: their own blocks of commands, in their order, beside a fresh server."""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.child import ROOT, eventually, free_port
from tests.support.headworks import Headworks
from tests.support.terminal import Terminal, blocks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

TUTORIALS = ROOT / "docs" / "tutorials"
OATHTOOL = f"""#!{sys.executable}
import base64, sys, time
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
_, totp, base32, secret = sys.argv
assert (totp, base32) == ("--totp", "--base32")
print(TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(int(time.time())).decode())
"""
"""An authenticator app of our own, by the same standard, so that the test needs no package."""
PIP = "#!/bin/sh\n# What the tutorial installs is there already.\n"


@pytest.fixture
def headworks(tmp_path: Path) -> Iterator[Headworks]:
    with Headworks(tmp_path / "home") as running:
        yield running


@pytest.fixture
def terminal(headworks: Headworks, tmp_path: Path) -> Iterator[Terminal]:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, program in (("oathtool", OATHTOOL), ("pip", PIP)):
        (tools / name).write_text(program)
        (tools / name).chmod(0o755)
    folder = tmp_path / "reader"
    folder.mkdir()
    (folder / ".venv").symlink_to(ROOT / ".venv")
    settings = {"HEADWORKS_HOME": str(headworks.home), "NO_PROXY": "127.0.0.1", "PYTHONPATH": str(ROOT / "src")}
    with Terminal(folder, f"{Path(sys.executable).parent}:{tools}", settings) as opened:
        yield opened


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_new_admin(headworks: Headworks, terminal: Terminal) -> None:
    page = TUTORIALS / "new-admin.md"
    said = [terminal.paste(block.replace("http://127.0.0.1:8080", headworks.url)) for block in blocks_of(page)]
    everything = "\n".join(said)
    assert "/invite/" in said[0]
    assert "ada@example.org joined" in everything
    assert "members:write" in everything, "she is an admin"
    assert "9 recovery codes are left" in everything, "one was used to sign in"
    assert "Is anybody there?" in everything, "the model repeats what it is told"
    assert "max@example.org" in everything

    management = headworks.management
    (member,) = [one for one in management.get("/members") if one["email"] == "ada@example.org"]
    assert (member["role"], member["name"]) == ("admin", "Ada Lovelace")
    (key,) = [one for one in management.get("/keys") if one["name"] == "Web shop, test"]
    assert (key["state"], key["allowed_models"]) == ("revoked", ["headworks/echo"])
    (event,) = eventually(lambda: management.get("/usage-events", key_id=key["id"]), what="the usage of the request")
    assert event["outcome"] == "success"
    hers = [one["action"] for one in management.get("/audit-events", actor_id=member["user_id"], per_page="100")]
    assert [action for action in reversed(hers) if not action.startswith("session.")] == [
        "second_factor.confirmed",
        "second_factor.recovery_code_used",
        "project.created",
        "key.created",
        "invitation.created",
        "key.revoked",
    ]


def test_a_first_request(headworks: Headworks, terminal: Terminal) -> None:
    first, *blocks = blocks_of(TUTORIALS / "first-request.md")
    assert first == "make up\n", "which this test's own server stands for"
    mock = free_port()
    said = []
    for block in blocks:
        said.append(terminal.paste(re.sub(r"\b9999\b", str(mock), block)))
        if "mock-provider" in block:
            eventually(lambda: listens(mock), what="the mock provider")
    everything = "\n".join(said)
    assert "Is anybody there?" in everything
    assert "CompletionUsage" in everything
    assert '"fast"' in everything
    management = headworks.management
    (key,) = [one for one in management.get("/keys") if one["name"] == "Anna's notebook"]
    assert (key["state"], key["allowed_models"]) == ("revoked", ["fast"])
    assert len(eventually(lambda: management.usage_events()[1:], what="the second request's usage")) == 1


def test_finance(headworks: Headworks, terminal: Terminal) -> None:
    said = [terminal.paste(block) for block in blocks_of(TUTORIALS / "finance.md")]
    _, set_up, spent, shown, raised, found, preview, posted, proof = said
    assert "0.25 USD a month, of project" in set_up
    assert '"finish_reason":"stop"' in spent
    assert "budget_exceeded" in spent
    assert "alert       40 % crossed" in shown
    assert '"choices"' in raised.partition("Raised it by 1.00 USD")[2], "the very next request goes through"
    assert "search" in found
    (row,) = (Path(terminal.folder) / "usage.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert "headworks/echo" in row
    assert "Nothing was changed" in preview
    assert "Posted as rer_" in posted
    assert "all of it agrees" in proof

    management = headworks.management
    (budget,) = management.get("/budgets")
    records = management.usage_events()
    tokens = sum(500_000 * one["input_tokens"] + 3_000_000 * one["output_tokens"] for one in records)
    assert budget["current"]["spent"]["nanodollars"] == tokens == sum(one["charge_nanodollars"] for one in records)
