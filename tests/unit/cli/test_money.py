"""The commands of money against written answers: what they ask, what they print of figures, and what they do of half an answer."""

from __future__ import annotations

import json

import pytest

from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.moments import moment, moment_of
from headworks.entrypoints.cli.money import dollars, parts_per_million, percent
from headworks.kernel.ids import new_id
from headworks.kernel.versions import tag_of
from tests.support.scripted import Reply, ScriptedServer
from tests.unit.cli.conftest import Run, data, page, problem

LIMIT = {"id": new_id("lim"), "version": 3, "scope": "organization", "unit": "tokens", "window": "day", "amount": 5}
BUDGET = {"id": new_id("bud"), "version": 4, "name": "All", "scope": "organization", "period": "day"}
MARK_UP = {"id": new_id("mup"), "version": 5, "ppm": 150_000, "valid_from": "2026-01-01T00:00:00Z"}
PROOF: dict[str, object] = {"transactions": 2, "entries": 4, "records": 1, "budget_periods": 0, "faults": []}
FIGURES: dict[str, object] = {
    "model": "fast",
    "records": 1200,
    "adjusted": 3,
    "cost_before": {"nanodollars": 1_000_000_000, "usd": "1.00"},
    "cost_after": {"nanodollars": 2_500_000_000, "usd": "2.50"},
    "charge_before": {"nanodollars": 1_100_000_000, "usd": "1.10"},
    "charge_after": {"nanodollars": 2_750_000_000, "usd": "2.75"},
}


def lines(*reports: dict[str, object]) -> Reply:
    """An answer as it comes line by line."""
    return Reply("".join(f"{json.dumps(report)}\n" for report in reports).encode())


class TestWhatPeopleWrite:
    @pytest.mark.parametrize(
        ("written", "ppm", "read"),
        [
            ("0", 0, "+0 %"),
            ("12.5", 125_000, "+12.5 %"),
            ("+12.5 %", 125_000, "+12.5 %"),
            ("0.0001%", 1, "+0.0001 %"),
            ("-0.0001", -1, "-0.0001 %"),
            ("-100", -1_000_000, "-100 %"),
            ("10000", 100_000_000, "+10000 %"),
            # As a float it would be 5699.999999999999 parts per million.
            ("0.57", 5_700, "+0.57 %"),
        ],
    )
    def test_percents_are_exact(self, written: str, ppm: int, read: str) -> None:
        assert parts_per_million("--percent", written) == ppm
        assert percent(ppm) == read

    @pytest.mark.parametrize(
        "written", ["", "x", ".5", "5.", "1e3", "0.00001", "1,5", "nan", "--5", "٣", "10001", "-101"]
    )
    def test_odd_percents(self, written: str) -> None:
        with pytest.raises(BadUsage, match="--percent"):
            parts_per_million("--percent", written)

    @pytest.mark.parametrize("written", ["", "0", "-1", "1e3", "inf", "0.0000000001", "1,5"])
    def test_odd_amounts(self, written: str) -> None:
        with pytest.raises(BadUsage, match="--amount"):
            dollars("--amount", written)

    def test_a_day_is_its_first_moment(self) -> None:
        assert moment("--to", None) is None
        assert moment("--to", "2026-01-31") == "2026-01-31T00:00:00Z"
        assert moment_of("--to", "2026-01-31T09:30:00+01:00") == "2026-01-31T09:30:00+01:00"

    @pytest.mark.parametrize("written", ["", "moon", "2026-02-30", "2026-1-1", "20260131", "2026-01-31T25:00:00Z"])
    def test_odd_moments(self, written: str) -> None:
        with pytest.raises(BadUsage, match="--to"):
            moment("--to", written)


class TestNobodysChangeIsOverwritten:
    def test_of_a_limit(self, server: ScriptedServer, run: Run) -> None:
        path = f"/api/v1/limits/{LIMIT['id']}"
        server.on("GET", path, data(LIMIT))
        server.on("PATCH", path, problem(412, "it changed", code="stale_version"))
        server.on("DELETE", path, Reply(status=204))
        ran = run("limits", "change", str(LIMIT["id"]), "--tokens", "7")
        assert (ran.status, "give the command again" in ran.err) == (1, True)
        assert run("limits", "remove", str(LIMIT["id"])).status == 0
        changed, removed = server.asked[1], server.asked[3]
        assert changed.json() == {"amount": 7}
        assert changed.headers["if-match"] == removed.headers["if-match"] == tag_of(str(LIMIT["id"]), 3)

    def test_of_a_budget(self, server: ScriptedServer, run: Run) -> None:
        path = f"/api/v1/budgets/{BUDGET['id']}"
        server.on("GET", "/api/v1/budgets", page(BUDGET))
        server.on("PATCH", path, data(BUDGET))
        server.on("DELETE", path, Reply(status=204))
        assert run("budgets", "change", "all", "--amount", "0.5", "--soft", "--alerts", "50, 80").status == 0
        assert run("budgets", "remove", "ALL", "--json").json() == {"removed": BUDGET["id"]}
        changed, removed = server.asked[1], server.asked[3]
        assert changed.json() == {"amount_nanodollars": 500_000_000, "hard": False, "thresholds": [50, 80]}
        assert changed.headers["if-match"] == removed.headers["if-match"] == tag_of(str(BUDGET["id"]), 4)

    def test_of_another_organisations_mark_up(self, server: ScriptedServer, run: Run) -> None:
        organization = new_id("org")
        server.on("GET", f"/api/v1/organizations/{organization}", data({"id": organization}))
        server.on("GET", "/api/v1/mark-ups", page(MARK_UP))
        server.on("DELETE", f"/api/v1/mark-ups/{MARK_UP['id']}", Reply(status=204))
        assert run("mark-ups", "remove", str(MARK_UP["id"]), "--organization", organization).status == 0
        _, listed, removed = server.asked
        assert listed.query["organization_id"] == removed.query["organization_id"] == [organization]
        assert removed.headers["if-match"] == tag_of(str(MARK_UP["id"]), 5)


def test_a_limit_is_made_once(server: ScriptedServer, run: Run) -> None:
    server.on("POST", "/api/v1/limits", data({**LIMIT, "unit": "spend", "amount": 1, "amount_usd": "0.000000001"}))
    ran = run("limits", "add", "--spend", "0.000000001", "--per", "day")
    assert ran.out.endswith(": 0.000000001 USD per day, of the organisation.\n")
    assert server.asked[0].headers["idempotency-key"]
    assert server.asked[0].json() == {"scope": "organization", "unit": "spend", "window": "day", "amount": 1}


def test_the_owner_of_keys_by_email(server: ScriptedServer, run: Run) -> None:
    server.on("GET", "/api/v1/members", page({"id": "mbr_1", "email": "Ada@example.org", "user_id": "usr_1"}))
    server.on("GET", "/api/v1/budgets", page())
    assert run("budgets", "list", "--user", "ada@example.org").status == 0
    query = server.asked[1].query
    assert (query["scope"], query["scope_id"]) == (["user"], ["usr_1"])


class TestTheProof:
    PATH = "/api/v1/ledger/verification/progress"

    def test_how_far_it_is(self, server: ScriptedServer, run: Run) -> None:
        done = {**PROOF, "agrees": True, "finished": True}
        server.on("GET", self.PATH, lines({**PROOF, "finished": False}, done))
        ran = run("ledger", "verify")
        assert (ran.status, ran.err) == (0, "2 transactions with 4 entries, 1 usage record, 0 budget periods so far\n")
        assert "all of it agrees" in ran.out
        quiet = run("ledger", "verify", "--json")
        assert (quiet.json(), quiet.err) == (done, "")

    def test_records_that_are_gone_are_told(self, server: ScriptedServer, run: Run) -> None:
        server.on(
            "GET", self.PATH, lines({**PROOF, "agrees": True, "finished": True, "records": 5, "forgotten_records": 4})
        )
        assert "5 usage records (4 forgotten since)" in run("ledger", "verify").out

    def test_what_does_not_agree(self, server: ScriptedServer, run: Run) -> None:
        faults = [
            {"problem": "unbalanced", "transaction": 7, "difference": 1200},
            {"problem": "spent_differs", "budget_id": "bud_1", "period_start": "2026-01-01", "difference": -1},
            {"problem": "stray_records", "difference": 2},
        ]
        report = {**PROOF, "agrees": False, "finished": True, "faults": faults}
        server.on("GET", self.PATH, lines(report))
        ran = run("ledger", "verify")
        assert ran.status == 1
        assert "transaction 7: its entries do not add up to nothing (by 1,200)" in ran.out
        assert "budget bud_1 from 2026-01-01: what was spent" in ran.out
        assert "NOT ALL OF IT AGREES" in ran.out
        as_json = run("ledger", "verify", "--json")
        assert (as_json.status, as_json.json()) == (1, report)

    @pytest.mark.parametrize("body", [b"", b'{"finished": false, "agrees": true}\n', b'{"agrees": true, "fin'])
    def test_half_of_it_proves_nothing(self, server: ScriptedServer, run: Run, body: bytes) -> None:
        server.on("GET", self.PATH, Reply(body))
        for options in ((), ("--json",)):
            ran = run("ledger", "verify", *options)
            assert (ran.status, ran.out) == (3, "")
            assert "did not come to its end" in ran.err

    def test_who_may_not_ask(self, server: ScriptedServer, run: Run) -> None:
        server.on("GET", self.PATH, problem(403, "it takes ledger:read"))
        ran = run("ledger", "verify")
        assert (ran.status, "ledger:read" in ran.err) == (1, True)


def test_entries_are_followed_up_to_the_limit(server: ScriptedServer, run: Run) -> None:
    entry = {"transaction": 1, "account": 2, "kind": "spent", "amount": {"nanodollars": 1, "usd": "0.000000001"}}
    more = Reply({"data": [entry] * 200, "links": {"next": "/api/v1/ledger/entries?cursor=c2&per_page=200"}})
    server.on("GET", "/api/v1/ledger/entries", more, page(*[entry] * 50))
    assert len(run("ledger", "entries", "--limit", "250", "--json").json()) == 250  # type: ignore[arg-type]
    first, second = server.asked
    assert (first.query["per_page"], "cursor" in first.query) == (["200"], False)
    assert (second.query["per_page"], second.query["cursor"]) == (["50"], ["c2"])
    assert "0.000000001" in run("ledger", "entries", "--account", "2", "--limit", "1").out
    assert server.asked[2].query["account"] == ["2"]


class TestRerate:
    def test_a_look_changes_nothing(self, server: ScriptedServer, run: Run) -> None:
        server.on("GET", "/api/v1/re-ratings/preview", data({"models": [FIGURES]}))
        ran = run("rerate", "--from", "2026-01-01", "--to", "2026-02-01", "--upstream-model", "m")
        assert all(figure in ran.out for figure in ("1,200", "1.00", "2.50", "1.10", "2.75"))
        assert "Nothing was changed" in ran.err
        assert server.asked[0].query == {
            "start": ["2026-01-01T00:00:00Z"],
            "end": ["2026-02-01T00:00:00Z"],
            "upstream_model": ["m"],
        }

    def test_it_goes_in_steps_and_adds_up(self, server: ScriptedServer, run: Run) -> None:
        first = {"models": [FIGURES], "re_rating": {"id": "rer_1"}, "next": "c2"}
        last = {"models": [FIGURES], "re_rating": {"id": "rer_2"}, "next": None}
        server.on("POST", "/api/v1/re-ratings", data(first), data(last), data(first), data(last))
        posting = ("rerate", "--from", "2026-01-01", "--post")
        ran = run(*posting)
        assert all(figure in ran.out for figure in ("2,400", "2.00", "5.00", "2.20", "5.50", "Posted as rer_1, rer_2."))
        assert "1,200 records so far" in ran.err
        assert [json.loads(asked.body).get("after") for asked in server.asked] == [None, "c2"]
        found = json.loads(run(*posting, "--json").out)
        assert found["re_ratings"] == [{"id": "rer_1"}, {"id": "rer_2"}]
        assert [one["records"] for one in found["models"]] == [2400]

    def test_it_is_posted_once(self, server: ScriptedServer, run: Run) -> None:
        found = {"models": [FIGURES], "re_rating": {"id": "rer_1"}}
        server.on("POST", "/api/v1/re-ratings", data(found), data({**found, "re_rating": None}))
        posting = ("rerate", "--from", "2026-01-01", "--model", "fast", "--post")
        assert "Posted as rer_1." in run(*posting).out
        assert "There was nothing to change." in run(*posting).out
        assert server.asked[0].headers["idempotency-key"]
