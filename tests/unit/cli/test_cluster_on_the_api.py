"""The command line against the real management API: what an operator of a cluster looks at, and mends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from headworks.dataplane.flow import LeaseQuestion
from headworks.entrypoints.cli.moments import age
from headworks.kernel.clock import now
from headworks.kernel.database import Database
from headworks.kernel.moments import micros
from headworks.ledger import commands
from headworks.ledger.settings import LedgerSettings
from tests.support.dead_letters import LETTER
from tests.support.usage_stores import accounting_on
from tests.unit.cli.served import Api

if TYPE_CHECKING:
    from pathlib import Path

    from headworks.kernel.bus import Message
    from tests.unit.cli.conftest import Ran, Run


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty data folder."""
    return tmp_path / "home"


@pytest.fixture
def dead() -> Sequence[Message] | None:
    """What is dead when the server begins."""
    return (LETTER, replace(LETTER, id="spl_2/req_1/req_2", body=b"\x1b[31m" + b"x" * 5000))


@pytest.fixture(autouse=True)
def _api(home: Path, dead: Sequence[Message] | None) -> Iterator[None]:
    api = Api(home, dead)
    # What the server logs is not what the command prints.
    with capture_logs():
        api.start()
        yield
        api.stop()


def test_a_dead_message_is_found_looked_at_and_put_back(run: Run) -> None:
    listed = run("bus", "dead", "list")
    assert listed.status == 0, listed
    assert "usage.recorded.v1" in listed.out
    shown = run("bus", "dead", "show", LETTER.id)
    assert 'payload   14 bytes, application/json:\n{"no": "list"}' in shown.out
    assert "because   rejected: whoever got it could make nothing of it" in shown.out
    assert "tried     1 time\n" in shown.out
    assert run("bus", "dead", "replay", LETTER.id).out == f"Put {LETTER.id} back into the queue usage.\n"
    left = run("bus", "dead", "list", "--json").json()
    assert isinstance(left, dict)
    assert left["queues"] == [{"name": "usage", "waiting": 1, "dead": 1}]
    assert [one["id"] for one in left["letters"]] == ["spl_2/req_1/req_2"]
    gone = run("bus", "dead", "replay", LETTER.id)
    assert (gone.status, "it was replayed, or there was none" in gone.err) == (1, True)
    trail = run("audit", "list", "--action", "dead_letters.*").out
    assert "dead_letters.replay_begun" in trail
    assert "dead_letters.replayed" in trail


def test_what_is_in_a_message_does_not_steer_the_terminal(run: Run) -> None:
    shown = run("bus", "dead", "show", "spl_2/req_1/req_2", "--queue", "usage")
    assert r"\x1b[31mxxx" in shown.out
    assert "\x1b" not in shown.out
    assert "there is more of it" in shown.err


def test_a_list_says_what_it_leaves_out(run: Run) -> None:
    assert "1 more are dead" in run("bus", "dead", "list", "--limit", "1").err


def test_all_of_them_are_put_back_by_who_means_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = run("bus", "dead", "replay", "--all")
    assert (nobody.status, "Put 2 dead messages of usage back? There is nobody to ask." in nobody.err) == (2, True)
    with monkeypatch.context() as terminal:
        terminal.setattr("headworks.entrypoints.cli.confirming._is_somebody_there", lambda: True)
        no = run("bus", "dead", "replay", "--all", stdin="n\n")
        assert (no.status, "nothing was done" in no.err) == (1, True)
        yes = run("bus", "dead", "replay", "--all", "--queue", "usage", stdin="y\n")
    assert yes.out.strip() == "Put 2 messages back into the queue usage.", yes
    again = run("bus", "dead", "replay", "--all", "--yes")
    assert (again.status, again.out) == (0, "")
    assert "No message is dead" in again.err
    assert "No message is dead. Waiting to be handled: usage 2." in run("bus", "dead", "list").err


def test_all_of_them_by_a_script(run: Run) -> None:
    done = run("bus", "dead", "replay", "--all", "--yes", "--json")
    assert done.json() == [{"queue": "usage", "replayed": 2}]
    assert run("bus", "dead", "replay", "--all", "--json").json() == []


@pytest.mark.parametrize("arguments", [(), ("spl_1", "--all")])
def test_one_or_all(run: Run, arguments: tuple[str, ...]) -> None:
    ran = run("bus", "dead", "replay", *arguments)
    assert (ran.status, "give the id of a message, or --all" in ran.err) == (2, True)


def test_a_queue_that_is_not_there(run: Run) -> None:
    for command in (("list",), ("show", "x"), ("replay", "x"), ("replay", "--all")):
        ran = run("bus", "dead", *command, "--queue", "nobody")
        assert (ran.status, "There is: usage" in ran.err) == (1, True)


@pytest.mark.parametrize("dead", [None])
def test_one_process_has_no_broker(run: Run) -> None:
    for command in (("list",), ("show", "x"), ("replay", "--all", "--yes")):
        ran = run("bus", "dead", *command)
        assert (ran.status, "This process knows no message broker" in ran.err) == (1, True)


@pytest.mark.parametrize("dead", [None])
def test_ages_are_told_in_their_largest_unit() -> None:
    ages = {"3s": 3, "59m": 3599, "1h": 3600, "26d": 26 * 86_400, "0s": -60}
    for told, seconds in ages.items():
        assert age({"at": (now() - timedelta(seconds=seconds)).isoformat()}, "at") == told
    assert age({"at": "yesterday"}, "at") == age({"at": "2026-01-01T00:00:00"}, "at") == age({}, "at") == "-"


@pytest.mark.parametrize("dead", [None])
def test_leases_are_listed_by_gateway_and_by_budget(run: Run, home: Path) -> None:
    nobody = run("leases")
    assert (nobody.status, nobody.out) == (0, "")
    assert "No gateway holds anything" in nobody.err
    budget = shown(run("budgets", "add", "All", "--amount", "1", "--per", "total", "--json"))
    organization = shown(run("orgs", "list", "--json"))[0]
    asyncio.run(borrow(home / "usage.sqlite3", organization["id"], budget["id"]))
    table = run("leases").out
    assert table.splitlines()[0].split() == ["GATEWAY", "BUDGET", "ID", "PERIOD", "FROM", "HOLDS", "UNTIL"]
    assert [line.split()[:2] for line in table.splitlines()[1:]] == [["spl_1", "All"], ["spl_2", "All"]]
    assert "0.10" in table
    for arguments, sources in (
        (("--gateway", "spl_2"), ["spl_2"]),
        (("--budget", "all"), ["spl_1", "spl_2"]),
        (("--budget", budget["id"], "--organization", organization["name"]), ["spl_1", "spl_2"]),
        (("--gateway", "spl_3"), []),
    ):
        assert [one["gateway"] for one in shown(run("leases", *arguments, "--json"))] == sources
    other = shown(run("orgs", "create", "Other", "--json"))
    assert shown(run("leases", "--organization", other["id"], "--json")) == []


@pytest.mark.parametrize("dead", [None])
def test_leases_of_what_is_not_there(run: Run) -> None:
    no_budget = run("leases", "--budget", "nothing")
    assert (no_budget.status, "there is no budget 'nothing'" in no_budget.err) == (1, True)
    no_organization = run("leases", "--organization", "nobody")
    assert (no_organization.status, "there is no organisation 'nobody'" in no_organization.err) == (1, True)
    by_name = run("leases", "--organization", "nobody", "--budget", "All")
    assert (by_name.status, "named by its id" in by_name.err) == (2, True)


async def borrow(file: Path, organization_id: str, budget_id: str) -> None:
    """For two gateways."""
    database = Database.sqlite(file)
    async with accounting_on(database).ledger.writing(organization_id) as unit:
        for source in ("spl_1", "spl_2"):
            wanted = LeaseQuestion(source, budget_id, 0, 1, 10**8, request_id="")
            await commands.grant(unit, wanted, LedgerSettings(), micros(now()))
    await database.close()


def shown(ran: Ran) -> Any:  # noqa: ANN401 - JSON
    """What it printed with --json."""
    assert ran.status == 0, ran
    return ran.json()


@pytest.mark.parametrize("dead", [None])
def test_one_process_has_no_other_gateways(run: Run) -> None:
    ran = run("gateways")
    assert (ran.status, ran.out) == (0, "")
    assert "`headworks up` serves inference itself" in ran.err
    assert run("gateways", "--json").json() == []
