"""What the clients of the management step ask, and how the keys are shared out."""

from __future__ import annotations

import pytest

from harness import verdict
from harness.management.fill import Amount, shares
from harness.management.measuring import summary
from harness.management.mix import READS, WRITES, Ask, Mix


@pytest.mark.parametrize(("organizations", "keys"), [(1_000, 100_000), (3, 11), (2, 10)])
def test_all_keys_are_shared_out(organizations: int, keys: int) -> None:
    found = shares(Amount(organizations, keys, clients=50))
    assert len(found) == organizations
    assert sum(found) == keys
    assert found[0] == keys // 10


def ask_many(mix: Mix, count: int) -> list[Ask]:
    asked = []
    for number in range(count):
        ask = mix.next()
        asked.append(ask)
        mix.answered(ask, {"data": {"id": f"key_{number}"}, "links": {"next": "/api/v1/keys?cursor=x"}})
    return asked


def test_of_ten_requests_three_write_and_every_kind_comes() -> None:
    asked = ask_many(Mix(1, "prj_1"), 501)[1:]
    assert {ask.name for ask in asked} == {name for name, _ in (*READS, *WRITES)}
    # A client that has revoked its last key makes another one, which writes too.
    assert 150 <= sum(ask.writes for ask in asked) <= 175
    assert all((ask.method == "GET") != ask.writes for ask in asked)
    assert any(ask.path == "/keys?cursor=x" for ask in asked)


def test_it_touches_only_keys_of_its_own() -> None:
    own: set[str] = set()
    mix = Mix(2, "prj_1")
    for number in range(300):
        ask = mix.next()
        if ask.name in {"show a key", "change a key", "revoke a key"}:
            assert ask.path.removeprefix("/keys/") in own
        if ask.name == "revoke a key":
            own.remove(ask.path.removeprefix("/keys/"))
        if ask.name == "make a key":
            own.add(f"key_{number}")
        mix.answered(ask, {"data": {"id": f"key_{number}"}, "links": {"next": None}})


def test_failures_are_told_beside_the_gate() -> None:
    window = {
        "reads": summary([10.0] * 99 + [900.0] * 9),
        "writes": summary([20.0] * 100),
        "requests_per_second": 20.0,
        "failed": {"show a key: 500": 2},
    }
    lines = {line.name: line for line in verdict.judge({"figures": {"management": {"sqlite": [window]}}})}
    assert lines["management, 50 clients, SQLite: p99 of reads"].missed
    assert lines["management, 50 clients, SQLite: p99 of writes"].word == "pass"
    assert "2 FAILED" in lines["management, 50 clients, SQLite: p99 of reads"].note
    assert not any("PostgreSQL" in name for name in lines)
