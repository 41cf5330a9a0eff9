"""The command line against the real management API: limits, budgets, mark-ups, the ledger, and rating the past anew."""

from __future__ import annotations

import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from headworks.kernel.clock import now
from tests.unit.cli.served import Api

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.cli.conftest import Ran, Run

GUIDES = Path(__file__).parents[3] / "docs" / "guides"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty data folder."""
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def _api(home: Path) -> Iterator[None]:
    api = Api(home)
    # What the server logs is not what the command prints.
    with capture_logs():
        api.start()
        yield
        api.stop()


def shown(ran: Ran) -> Any:  # noqa: ANN401 - JSON
    """What it printed with --json."""
    assert ran.status == 0, ran
    return ran.json()


def test_raises_are_taken_back_and_the_journal_tells_of_it(run: Run) -> None:
    run("budgets", "add", "All", "--amount", "1", "--per", "month")
    nothing = run("budgets", "end-raise", "All")
    assert (nothing.status, "no raise" in nothing.err) == (1, True)
    first, second = (
        shown(run("budgets", "raise", "All", "--by", "2", "--for", "1d", "--json"))["id"] for _ in range(2)
    )
    many = run("budgets", "end-raise", "All")
    assert (many.status, first in many.err, second in many.err) == (2, True, True)
    assert shown(run("budgets", "end-raise", "All", first, "--json")) == {"ended": first}
    assert f"Took the raise {second} back." in run("budgets", "end-raise", "All").out
    assert "left        1.00 USD" in run("budgets", "show", "All").out
    kinds = [one["kind"] for one in shown(run("ledger", "transactions", "--json"))]
    assert kinds == [*["allowance_changed"] * 4, "period_opened"]
    opened = run("ledger", "transactions", "--kind", "period_opened").out
    assert opened.count("period_opened") == 1
    assert "No transaction matches" in run("ledger", "transactions", "--kind", "re_rating").err
    assert "all of them were right" in run("ledger", "rebuild").out
    assert shown(run("ledger", "rebuild", "--json")) == {"different": 0}


def test_the_life_of_a_limit(run: Run) -> None:
    empty = run("limits", "list")
    assert (empty.status, empty.out) == (0, "")
    assert "There is no limit. Set one: headworks limits add" in empty.err
    assert run("limits", "list", "--json").json() == []
    key = shown(run("keys", "create", "my-key", "--json"))["id"]
    added = run("limits", "add", "--requests", "1000", "--per", "minute", "--key", "my-key")
    assert added.status == 0, added
    assert f"1,000 requests per minute, of key {key}." in added.out
    limit = shown(run("limits", "list", "--key", "my-key", "--json"))[0]
    assert (limit["amount"], limit["window"], limit["scope_id"]) == (1000, "minute", key)
    again = run("limits", "add", "--requests", "1", "--per", "minute", "--key", key)
    assert (again.status, "change that one" in again.err) == (1, True)
    assert "limit        1,000 requests per minute" in run("limits", "show", limit["id"]).out
    assert shown(run("limits", "show", limit["id"], "--json")) == limit
    assert "50 requests per minute" in run("limits", "change", limit["id"], "--requests", "50").out
    wrong = run("limits", "change", limit["id"], "--tokens", "50")
    assert (wrong.status, "Give --requests" in wrong.err) == (2, True)
    assert "50 requests per minute" in run("limits", "remove", limit["id"]).out
    gone = run("limits", "show", limit["id"])
    assert (gone.status, "There is no limit" in gone.err) == (1, True)


def test_limits_of_every_unit_and_scope(run: Run) -> None:
    run("projects", "create", "lab")
    organization = shown(run("orgs", "list", "--json"))[0]["id"]
    assert run("limits", "add", "--tokens", "200000", "--per", "hour", "--project", "lab").status == 0
    spend = shown(run("limits", "add", "--spend", "0.000000001", "--per", "day", "--model", "headworks/echo", "--json"))
    assert (spend["amount"], spend["amount_usd"], spend["scope"]) == (1, "0.000000001", "model")
    assert "100.50 USD per day, of the organisation" in run("limits", "add", "--spend", "100.5", "--per", "day").out
    at_once = shown(run("limits", "add", "--concurrent", "8", "--json"))
    assert (at_once["unit"], at_once["window"], at_once["scope_id"]) == ("concurrent", None, organization)
    assert [one["unit"] for one in shown(run("limits", "list", "--unit", "spend", "--json"))] == ["spend", "spend"]
    listed = run("limits", "list").out
    for told in ("200,000", "100.50", "at once", "the organisation", "model headworks/echo", "project prj_"):
        assert told in listed
    assert "No limit matches" in run("limits", "list", "--unit", "requests").err
    assert shown(run("limits", "change", at_once["id"], "--concurrent", "9", "--json"))["version"] == 2
    assert shown(run("limits", "remove", at_once["id"], "--json")) == {"removed": at_once["id"]}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "Give one of --requests, --tokens, --spend and --concurrent"),
        (("--requests", "1", "--tokens", "1", "--per", "day"), "--requests and --tokens are two limits"),
        (("--requests", "1"), "--requests needs --per"),
        (("--concurrent", "1", "--per", "day"), "--per does not go with --concurrent"),
        (("--requests", "0", "--per", "day"), "--requests"),
        (("--requests", "1.5", "--per", "day"), "--requests"),
        (("--requests", "1", "--per", "week"), "--per"),
        (("--spend", "0", "--per", "day"), "--spend: an amount must be more than nothing"),
        (("--spend", "nan", "--per", "day"), "--spend: 'nan' is not an amount"),
        (("--spend", "0.0000000001", "--per", "day"), "at most nine decimals"),
        (("--tokens", "9007199254740993", "--per", "day"), "must be at most 9007199254740992"),
        (("--requests", "1", "--per", "day", "--key", "a", "--model", "b"), "--key and --model"),
        (("--requests", "1", "--per", "day", "--key", "nobody"), "no key 'nobody'"),
        (("--requests", "1", "--per", "day", "--user", "nobody@example.org"), "no member 'nobody@example.org'"),
        (("--requests", "1", "--per", "day", "--user", "usr_none"), "no user 'usr_none'"),
        (("--requests", "1", "--per", "day", "--model", "none"), "no model 'none'"),
    ],
)
def test_limits_that_make_no_sense(run: Run, options: tuple[str, ...], told: str) -> None:
    ran = run("limits", "add", *options)
    assert ran.status in {1, 2}, ran
    assert told in ran.err, ran.err
    assert run("limits", "list", "--json").json() == []


def test_the_life_of_a_budget(run: Run) -> None:
    assert "There is no budget" in run("budgets", "list").err
    assert run("budgets", "list", "--json").json() == []
    period = ("--per", "month", "--time-zone", "Europe/Berlin", "--anchor", "31")
    added = run("budgets", "add", "Everything", "--amount", "12.50", *period, "--alerts", "80,50")
    assert added.status == 0, added
    assert "12.50 USD a month, of the organisation; 12.50 USD are left" in added.out
    assert run("projects", "create", "lab").status == 0
    soft = ("--amount", "5", "--per", "total", "--project", "lab", "--soft")
    assert shown(run("budgets", "add", "Lab", *soft, "--json"))["scope"] == "project"
    assert "project prj_" in run("budgets", "list").out
    assert [one["name"] for one in shown(run("budgets", "list", "--project", "lab", "--json"))] == ["Lab"]
    assert "No budget matches" in run("budgets", "list", "--model", "headworks/echo").err
    raised = run("budgets", "raise", "everything", "--by", "2.5", "--for", "12h")
    assert "Raised it by 2.50 USD until" in raised.out
    found = run("budgets", "show", "Everything").out
    assert "authorised  15.00 USD" in found
    assert "raise       2.50 USD until" in found
    changed = run("budgets", "change", "Everything", "--amount", "20", "--alerts", "")
    assert "20.00 USD a month" in changed.out
    assert shown(run("budgets", "show", "Everything", "--json"))["thresholds"] == []
    assert run("budgets", "remove", "Lab").status == 0
    assert [one["name"] for one in shown(run("budgets", "list", "--json"))] == ["Everything"]
    assert "no budget 'Lab'" in run("budgets", "show", "Lab").err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--amount", "-1", "--per", "day"), "--amount: an amount must be more than nothing"),
        (("--amount", "nan", "--per", "day"), "--amount: 'nan' is not an amount"),
        (("--amount", "1", "--per", "fortnight"), "--per"),
        (("--amount", "1"), "--per"),
        (("--amount", "1", "--per", "day", "--time-zone", "Europe/Berln"), "Europe/Berlin"),
        (("--amount", "1", "--per", "week", "--anchor", "8"), "anchor"),
        (("--amount", "1", "--per", "day", "--key", "none"), "no key 'none'"),
        (("--amount", "1", "--per", "day", "--model", "a", "--user", "b"), "--user and --model"),
        (("--amount", "1", "--per", "day", "--alerts", "half"), "--alerts: 'half' is no list of percents"),
        (("--amount", "1", "--per", "day", "--alerts", "0"), "thresholds"),
        (("--amount", "1", "--per", "day", "--user", "usr_none"), "no user 'usr_none'"),
    ],
)
def test_budgets_that_make_no_sense(run: Run, options: tuple[str, ...], told: str) -> None:
    ran = run("budgets", "add", "x", *options)
    assert ran.status in {1, 2}, ran
    assert told in ran.err, ran.err
    assert run("budgets", "list", "--json").json() == []


def test_raises_and_changes_that_make_no_sense(run: Run) -> None:
    run("budgets", "add", "x", "--amount", "1", "--per", "day")
    for options, told in (
        ((), "Give one of --for and --until"),
        (("--for", "1d", "--until", "2999-01-01"), "Give one of --for and --until"),
        (("--for", "soon"), "--for: 'soon' is no period"),
        (("--for", "999999w"), "--for: that is beyond the calendar"),
        (("--until", "tomorrow"), "--until: 'tomorrow' is no time"),
        (("--until", "2026-01-01"), "until: must lie in the future"),
    ):
        ran = run("budgets", "raise", "x", "--by", "1", *options)
        assert ran.status in {1, 2}, ran
        assert told in ran.err, ran.err
    assert "nothing is to be changed" in run("budgets", "change", "x").err
    assert run("budgets", "change", "y", "--soft").status == 1


def test_mark_ups(run: Run) -> None:
    empty = run("mark-ups", "list")
    assert (empty.status, "headworks mark-ups set --percent 15" in empty.err) == (0, True)
    assert run("mark-ups", "list", "--json").json() == []
    made = shown(run("mark-ups", "set", "--percent", "12.5", "--from", "2026-01-01", "--json"))
    assert (made["ppm"], made["valid_from"][:10]) == (125_000, "2026-01-01")
    told = run("mark-ups", "set", "--percent", "-0.0001%", "--from", "2026-02-01").out
    assert "-0.0001 % from 2026-02-01 00:00 UTC on" in told
    twice = run("mark-ups", "set", "--percent", "1", "--from", "2026-02-01")
    assert (twice.status, "begins at that moment" in twice.err) == (1, True)
    assert "+12.5 %" in run("mark-ups", "list").out
    assert run("orgs", "create", "Research").status == 0
    theirs = shown(run("mark-ups", "set", "--percent", "7", "--organization", "research", "--json"))
    assert theirs["organization_id"] != made["organization_id"]
    assert run("mark-ups", "remove", theirs["id"]).status == 1, "it is not ours"
    assert shown(run("mark-ups", "list", "--organization", "Research", "--json")) == [theirs]
    assert "+7 %" in run("mark-ups", "remove", theirs["id"], "--organization", "Research").out
    assert shown(run("mark-ups", "remove", made["id"], "--json")) == {"removed": made["id"]}
    assert [one["ppm"] for one in shown(run("mark-ups", "list", "--json"))] == [-1]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--percent", "much"), "--percent: 'much' is no percentage"),
        (("--percent", "0.00001"), "at most four decimals"),
        (("--percent", "1e2"), "--percent"),
        (("--percent", "-100.0001"), "--percent: -100.0001 is out of range"),
        (("--percent", "10000.0001"), "out of range"),
        (("--percent", "1", "--from", "soon"), "--from: 'soon' is no time"),
        (("--percent", "1", "--organization", "none"), "no organisation 'none'"),
        ((), "--percent"),
    ],
)
def test_mark_ups_that_make_no_sense(run: Run, options: tuple[str, ...], told: str) -> None:
    ran = run("mark-ups", "set", *options)
    assert ran.status in {1, 2}, ran
    assert told in ran.err, ran.err
    assert run("mark-ups", "list", "--json").json() == []


def test_the_ledger(run: Run) -> None:
    assert "No account matches" in run("ledger", "accounts").err
    assert run("ledger", "accounts", "--json").json() == []
    assert "No entry matches" in run("ledger", "entries").err
    budget = shown(run("budgets", "add", "Everything", "--amount", "1", "--per", "day", "--json"))["id"]
    assert "authorized" in run("ledger", "accounts").out
    accounts = shown(run("ledger", "accounts", "--budget", "everything", "--json"))
    assert {one["budget_id"] for one in accounts} == {budget}
    assert sum(one["balance"]["nanodollars"] for one in accounts) == 0
    assert run("ledger", "accounts", "--kind", "spent", "--as-of", "2026-01-01", "--json").json() == []
    entries = shown(run("ledger", "entries", "--json"))
    assert {one["kind"] for one in entries} == {"available", "authorized"}
    assert shown(run("ledger", "entries", "--limit", "1", "--json")) == entries[:1]
    transaction = str(entries[0]["transaction"])
    assert "available" in run("ledger", "entries", "--transaction", transaction).out
    assert run("budgets", "remove", "Everything").status == 0
    assert shown(run("ledger", "accounts", "--budget", budget, "--json")), "they stay"
    assert run("ledger", "accounts", "--kind", "money").status == 2
    assert "--as-of: 'once' is no time" in run("ledger", "accounts", "--as-of", "once").err


def test_the_proof(run: Run) -> None:
    run("budgets", "add", "Everything", "--amount", "1", "--per", "day")
    proof = run("ledger", "verify")
    assert proof.status == 0, proof
    assert "1 budget period: all of it agrees" in proof.out
    report = shown(run("ledger", "verify", "--json"))
    assert (report["agrees"], report["finished"], report["faults"]) == (True, True, [])


def test_what_is_invoiced(run: Run) -> None:
    empty = run("ledger", "closed-periods")
    assert (empty.status, "Nothing is closed yet" in empty.err) == (0, True)
    assert run("ledger", "closed-periods", "--json").json() == []
    told = run("ledger", "close", "--until", "2026-01-01")
    assert told.status == 0, told
    assert "Closed the beginning to 2026-01-01 00:00 UTC (clo_" in told.out
    assert "0 requests, cost 0.00 USD, charge 0.00 USD" in told.out
    second = shown(run("ledger", "close", "--until", "2026-01-02T12:00:00Z", "--json"))
    assert shown(run("ledger", "closed-periods", "--json"))[0] == second
    assert "2026-01-02 12:00" in run("ledger", "closed-periods").out
    for until, message in (
        ("2026-01-01", "until: must be later than"),
        ("2999-01-01", "until: must lie at least a minute in the past"),
        ("2026-01-32", "--until: '2026-01-32' is no time"),
    ):
        ran = run("ledger", "close", "--until", until)
        assert ran.status in {1, 2}, ran
        assert message in ran.err, ran.err
    refused = run("rerate", "--from", "2025-12-31", "--post")
    assert (refused.status, "has been invoiced" in refused.err) == (1, True)


def test_the_past(run: Run) -> None:
    assert "No usage matches" in run("rerate", "--from", "2026-01-01").err
    assert run("rerate", "--from", "2026-01-01", "--json").json() == {"models": []}
    assert "No usage matches" in run("rerate", "--from", "2026-01-01", "--post", "--model", "m").err
    assert run("rerate", "--from", "2026-01-01", "--provider", "headworks").status == 0
    assert "no provider 'nobody'" in run("rerate", "--from", "2026-01-01", "--provider", "nobody").err
    assert "--from: 'yesterday' is no time" in run("rerate", "--from", "yesterday").err
    assert run("rerate").status == 2


@pytest.mark.parametrize("guide", ["limits.md", "budgets.md"])
def test_the_guide_works_as_it_is_written(run: Run, guide: str) -> None:
    for name in ("my-key", "intern"):
        run("keys", "create", name)
    run("projects", "create", "lab")
    run("orgs", "create", "Research")
    run("providers", "add", "openai", "--base-url", "http://127.0.0.1:1/v1")
    run("models", "add", "gpt-4o", "--provider", "openai", "--upstream-model", "gpt-4o")
    spare = shown(run("limits", "add", "--requests", "1", "--per", "hour", "--json"))["id"]
    owner = shown(run("members", "list", "--json"))[0]
    stands_for = {"ada@example.org": owner["email"], "lim_01k9…": spare}
    commands = re.findall(r"^headworks (.+)$", (GUIDES / guide).read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) > 5
    for command in commands:
        words = [stands_for.get(word, word) for word in shlex.split(command, comments=True)]
        if words[:2] == ["budgets", "raise"] and "--until" in words:
            words[-1] = f"{now() + timedelta(days=9):%Y-%m-%d}"
        ran = run(*words)
        assert ran.status == 0, (command, ran)
