"""`headworks gateways`, against a server that plays Headworks."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from headworks.kernel.clock import now
from tests.support.scripted import Reply
from tests.unit.cli.conftest import data, page, problem

if TYPE_CHECKING:
    from tests.support.scripted import ScriptedServer
    from tests.unit.cli.conftest import Run


def gateway(number: int, **changes: object) -> dict[str, object]:
    plain: dict[str, object] = {
        "id": f"spl_{number}",
        "address": f"10.0.0.{number}:5",
        "state": "watching",
        "watching_since": (now() - timedelta(hours=3)).isoformat(),
        "away_since": None,
        "last_heard_at": (now() - timedelta(minutes=2, seconds=5)).isoformat(),
        "version": "1.0",
        "revision": 12,
        "newest_revision": 12,
        "behind": 0,
        "waiting_records": 3,
        "held_nanodollars": 1,
        "held_usd": "0.000000001",
    }
    return plain | changes


def test_each_is_a_line(run: Run, server: ScriptedServer) -> None:
    away = {"state": "away", "watching_since": None, "away_since": (now() - timedelta(minutes=9)).isoformat()}
    unknown = {"version": None, "waiting_records": None, "revision": 10, "behind": 2, "held_usd": "0.00"}
    server.on("GET", "/api/v1/gateways", page(gateway(1), gateway(2, **away, **unknown)))
    ran = run("gateways")
    assert [" ".join(line.split()) for line in ran.out.splitlines()[1:]] == [
        "spl_1 10.0.0.1:5 watching for 3h 2m ago 12, all 0.000000001 3 1.0",
        "spl_2 10.0.0.2:5 away for 9m 2m ago 10, 2 behind 0.00 - -",
    ]


def test_those_that_drain_say_so(run: Run, server: ScriptedServer) -> None:
    since = (now() - timedelta(minutes=9)).isoformat()
    lines = [
        gateway(1, draining_since=since, drained=False),
        gateway(2, draining_since=since, drained=True),
        gateway(3, draining_since=since, drained=True, state="away", watching_since=None, away_since=since),
    ]
    server.on("GET", "/api/v1/gateways", page(*lines))
    states = [line.split()[2] for line in run("gateways").out.splitlines()[1:]]
    assert states == ["draining", "drained", "away"]


def test_one_is_drained_and_serves_again(run: Run, server: ScriptedServer) -> None:
    drained = gateway(1, draining_since=now().isoformat(), drained=False)
    server.on("POST", "/api/v1/gateways/spl_1/drain", data(drained))
    server.on("POST", "/api/v1/gateways/spl_1/undrain", Reply(status=204))
    assert run("gateways", "drain", "spl_1").out.startswith("spl_1 drains.")
    assert json.loads(run("gateways", "drain", "spl_1", "--json").out) == drained
    assert run("gateways", "undrain", "spl_1").out == "spl_1 serves again.\n"


def test_who_does_not_operate_is_refused(run: Run, server: ScriptedServer) -> None:
    server.on("GET", "/api/v1/gateways", problem(403, "You lack the permission installation:operate."))
    ran = run("gateways")
    assert (ran.status, "installation:operate" in ran.err) == (1, True)
