"""Each command: what it asks of the API, and what it prints."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from headworks import __version__
from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.keys.periods import expiry
from headworks.entrypoints.cli.prices import nanodollars, start_of
from tests.support.scripted import Reply, ScriptedServer
from tests.unit.cli.conftest import Run, data, page

PROVIDER = {
    "id": "prv_1",
    "name": "openai",
    "dialect": "openai",
    "base_url": "https://api.openai.com/v1",
    "credential": {"kind": "sealed", "last4": "cdef", "reference": None},
    "origin": "manual",
    "problem": None,
}
DEMO = {"id": "prv_0", "name": "headworks", "origin": "builtin", "credential": None}
MODEL: dict[str, object] = {
    "id": "mdl_1",
    "alias": "fast",
    "kind": "alias",
    "origin": "manual",
    "targets": [
        {"provider": "a", "upstream_model": "m1", "weight": 9, "enabled": True},
        {"provider": "b", "upstream_model": "m2", "weight": 1, "enabled": False},
    ],
}
ROW: dict[str, object] = {
    "key_id": "key_1",
    "key_name": "First",
    "model": "fast",
    "day": "2026-01-31",
    "requests": 1200,
    "input_tokens": 34000,
    "output_tokens": 5600,
    "errors": 1,
    "estimated_requests": 2,
    "unpriced_requests": 1,
    "cost_usd": "1.25",
}
PRICE: dict[str, object] = {
    "provider": "openai",
    "upstream_model": "gpt-4o",
    "rates": {"input": 2_500_000_000, "cache_read": 1_250_000_000, "output": 10_000_000_000},
    "valid_from": "2026-01-01T00:00:00Z",
    "valid_to": None,
    "as_of": "2026-01-01",
    "source": "",
}
STATUS: dict[str, object] = {
    "version": "0.1.0",
    "status": "ready",
    "endpoint": "http://127.0.0.1:8080/v1",
    "data_folder": "/data",
    "uptime_seconds": 3700,
    "engine": {"running": True, "open_streams": 3, "spool": {"bytes": 1048576, "limit_bytes": 1073741824}},
    "checks": [{"name": "catalog", "state": "degraded", "detail": "slow"}],
}
ADD_PROVIDER = ("providers", "add", "openai", "--dialect", "openai", "--base-url", "https://api.openai.com/v1")


class TestProviders:
    def test_a_key_comes_from_standard_input(self, server: ScriptedServer, run: Run) -> None:
        server.on("POST", "/api/v1/providers", data(PROVIDER))
        ran = run(*ADD_PROVIDER, "--api-key-stdin", stdin="sk-abcdef\n")
        assert ran.status == 0
        assert server.asked[0].json() == {
            "name": "openai",
            "dialect": "openai",
            "base_url": "https://api.openai.com/v1",
            "api_key": "sk-abcdef",
        }
        assert "sk-abcdef" not in ran.out + ran.err

    def test_a_variable_is_stored_by_its_name(self, server: ScriptedServer, run: Run) -> None:
        missing = "the environment variable UPSTREAM_KEY is not set where the server runs"
        server.on("POST", "/api/v1/providers", data({**PROVIDER, "problem": missing}))
        ran = run(*ADD_PROVIDER, "--api-key-env", "UPSTREAM_KEY")
        assert ran.status == 0
        asked = server.asked[0].json()
        assert isinstance(asked, dict)
        assert asked["credential_reference"] == "env:UPSTREAM_KEY"
        assert missing in ran.err

    def test_no_key_at_all(self, server: ScriptedServer, run: Run) -> None:
        server.on("POST", "/api/v1/providers", data(PROVIDER))
        ran = run("providers", "add", "vllm", "--base-url", "http://127.0.0.1:8000/v1", "--json")
        assert ran.json() == PROVIDER
        assert server.asked[0].json() == {
            "name": "vllm",
            "dialect": "openai",
            "base_url": "http://127.0.0.1:8000/v1",
        }

    @pytest.mark.parametrize("stdin", ["", "\n", "one\ntwo\n", "a\x00b"])
    def test_standard_input_must_hold_one_key(self, server: ScriptedServer, run: Run, stdin: str) -> None:
        ran = run(*ADD_PROVIDER, "--api-key-stdin", stdin=stdin)
        assert ran.status == 2
        assert server.asked == []

    def test_two_sources_of_a_key_are_one_too_many(self, run: Run) -> None:
        assert run(*ADD_PROVIDER, "--api-key-stdin", "--api-key-env", "X", stdin="k").status == 2

    def test_a_key_in_place_of_a_variable_is_not_repeated(self, run: Run) -> None:
        ran = run(*ADD_PROVIDER, "--api-key-env", "sk-proj-secret")
        assert ran.status == 2
        assert "secret" not in ran.err

    def test_an_unknown_dialect_is_wrong_usage(self, run: Run) -> None:
        assert run("providers", "add", "x", "--base-url", "y", "--dialect", "smoke").status == 2

    def test_list(self, server: ScriptedServer, run: Run) -> None:
        reference = {**PROVIDER, "name": "other", "credential": {"reference": "env:X"}, "problem": "X is not set"}
        server.on("GET", "/api/v1/providers", page(PROVIDER, reference))
        ran = run("providers", "list")
        assert "…cdef" in ran.out
        assert "env:X" in ran.out
        assert "X is not set" in ran.out
        assert len(ran.out.splitlines()) == 3

    def test_an_empty_list_says_what_to_do(self, server: ScriptedServer, run: Run) -> None:
        server.on("GET", "/api/v1/providers", page(DEMO))
        assert "headworks providers add" in run("providers", "list").err

    def test_show_and_remove_by_name(self, server: ScriptedServer, run: Run) -> None:
        server.on("GET", "/api/v1/providers/openai", data(PROVIDER))
        server.on("DELETE", "/api/v1/providers/openai", Reply(status=204))
        assert "api.openai.com" in run("providers", "show", "openai").out
        assert run("providers", "show", "openai", "--json").json() == PROVIDER
        assert run("providers", "remove", "openai", "--json").json() == {"removed": "openai"}

    def test_change(self, server: ScriptedServer, run: Run) -> None:
        server.on("PATCH", "/api/v1/providers/openai", data(PROVIDER))
        assert run("providers", "change", "openai", "--api-key-stdin", stdin="sk-new").status == 0
        assert (
            run("providers", "change", "openai", "--base-url", "http://h/v1", "--no-key", "--json").json() == PROVIDER
        )
        assert [asked.json() for asked in server.asked] == [
            {"api_key": "sk-new"},
            {"base_url": "http://h/v1", "remove_credential": True},
        ]
        assert run("providers", "change", "openai").status == 2

    def test_a_name_cannot_leave_its_place_in_the_path(self, server: ScriptedServer, run: Run) -> None:
        run("providers", "show", "../keys?x=1")
        assert server.asked[0].path == "/api/v1/providers/../keys?x=1"
        assert server.asked[0].query == {}


class TestModels:
    def test_targets_are_paired_in_order(self, server: ScriptedServer, run: Run) -> None:
        server.on("POST", "/api/v1/models", data(MODEL))
        first = ("--provider", "a", "--upstream-model", "m1", "--weight", "9")
        second = ("--provider", "b", "--upstream-model", "m2", "--weight", "1")
        ran = run("models", "add", "fast", *first, *second)
        assert server.asked[0].json() == {
            "alias": "fast",
            "targets": [
                {"provider": "a", "upstream_model": "m1", "weight": 9},
                {"provider": "b", "upstream_model": "m2", "weight": 1},
            ],
        }
        assert ran.out == "Added the model fast: a/m1 (9), b/m2 (1) (disabled).\n"

    def test_without_weights(self, server: ScriptedServer, run: Run) -> None:
        server.on("POST", "/api/v1/models", data(MODEL))
        run("models", "add", "fast", "--provider", "a", "--upstream-model", "m1", "--json")
        assert server.asked[0].json() == {"alias": "fast", "targets": [{"provider": "a", "upstream_model": "m1"}]}

    @pytest.mark.parametrize(
        "options",
        [
            ("--provider", "a", "--provider", "b", "--upstream-model", "m"),
            ("--provider", "a", "--upstream-model", "m", "--weight", "1", "--weight", "2"),
        ],
    )
    def test_options_that_do_not_pair_up(self, run: Run, options: tuple[str, ...]) -> None:
        ran = run("models", "add", "x", *options)
        assert ran.status == 2
        assert "Give" in ran.err

    def test_list_and_remove(self, server: ScriptedServer, run: Run) -> None:
        server.on("GET", "/api/v1/models", page(MODEL))
        server.on("DELETE", "/api/v1/models/a/b", Reply(status=204))
        assert "a/m1 (9)" in run("models", "list").out
        assert run("models", "list", "--json").json() == [MODEL]
        assert run("models", "remove", "a/b").status == 0

    def test_change(self, server: ScriptedServer, run: Run) -> None:
        server.on("PATCH", "/api/v1/models/a/b", data(MODEL))
        ran = run("models", "change", "a/b", "--provider", "c", "--upstream-model", "m3")
        assert ran.out == "Changed the model fast: a/m1 (9), b/m2 (1) (disabled).\n"
        assert server.asked[0].json() == {"targets": [{"provider": "c", "upstream_model": "m3"}]}

    def test_only_the_demo(self, server: ScriptedServer, run: Run) -> None:
        server.on("GET", "/api/v1/models", page({"alias": "headworks/echo", "origin": "builtin"}))
        assert "headworks models add" in run("models", "list").err


class TestKeys:
    def test_the_key_is_alone_on_standard_output(self, server: ScriptedServer, run: Run) -> None:
        server.on("POST", "/api/v1/keys", data({"id": "key_1", "name": "ci", "key": "hw_sk_new", "expires_at": None}))
        ran = run("keys", "create", "ci", "--model", "a", "--model", "b")
        assert ran.out == "hw_sk_new\n"
        assert "key_1" in ran.err
        assert server.asked[0].json() == {"name": "ci", "kind": "inference", "allowed_models": ["a", "b"]}

    def test_it_may_end_and_may_manage(self, server: ScriptedServer, run: Run) -> None:
        server.on("POST", "/api/v1/keys", data({"key": "hw_mk_new"}))
        assert run("keys", "create", "--management", "--expires-in", "90d", "--json").json() == {"key": "hw_mk_new"}
        asked = server.asked[0].json()
        assert isinstance(asked, dict)
        assert asked["kind"] == "management"
        assert asked["expires_at"].endswith("+00:00")

    def test_periods(self) -> None:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        assert expiry("30m", at) == datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
        assert expiry("2w", at) == datetime(2026, 1, 15, tzinfo=UTC)

    @pytest.mark.parametrize("period", ["", "0d", "-1d", "1", "d", "1y", "1.5h", "999999w", "1d\n"])
    def test_odd_periods(self, period: str) -> None:
        with pytest.raises(BadUsage):
            expiry(period, datetime(2026, 1, 1, tzinfo=UTC))

    def test_list(self, server: ScriptedServer, run: Run) -> None:
        one = {
            "id": "key_1",
            "name": "First",
            "prefix": "hw_sk_",
            "last4": "abcd",
            "created_at": "2026-01-31T09:30:00Z",
        }
        other = {"id": "key_2", "name": "Old", "prefix": "", "allowed_models": ["a"], "expires_at": None}
        server.on("GET", "/api/v1/keys", page(one, other))
        out = run("keys", "list").out
        assert "hw_sk_…abcd" in out
        assert "2026-01-31 09:30" in out
        assert "imported" in out

    def test_revoke_by_id_or_by_the_one_name_that_works(self, server: ScriptedServer, run: Run) -> None:
        keys = [{"id": "key_1", "name": "ci", "state": "revoked"}, {"id": "key_2", "name": "ci", "state": "active"}]
        server.on("GET", "/api/v1/keys", page(*keys))
        server.on("DELETE", "/api/v1/keys/key_1", Reply(status=204))
        server.on("DELETE", "/api/v1/keys/key_2", Reply(status=204))
        assert run("keys", "revoke", "ci", "--json").json() == {"revoked": "key_2"}
        assert run("keys", "revoke", "key_1").out == "Revoked the key key_1.\n"

    def test_revoke_asks_back_when_it_is_not_clear(self, server: ScriptedServer, run: Run) -> None:
        server.on("GET", "/api/v1/keys", page({"id": "key_1", "name": "ci"}, {"id": "key_2", "name": "ci"}))
        ran = run("keys", "revoke", "ci")
        assert ran.status == 1
        assert "key_1, key_2" in ran.err
        assert run("keys", "revoke", "other").status == 1

    def test_a_key_is_not_its_name(self, server: ScriptedServer, run: Run) -> None:
        ran = run("keys", "revoke", "hw_sk_secret")
        assert ran.status == 1
        assert "hw_sk_secret" not in ran.err
        assert server.asked == []


class TestUsage:
    def report(self, *rows: dict[str, object]) -> dict[str, object]:
        days = {"first_day": "2026-01-01", "last_day": "2026-01-31", "as_of": "2026-01-31T10:00:00Z"}
        return {"rows": list(rows), "totals": ROW, "group_by": ["key", "model", "day"], **days}

    def test_a_table(self, server: ScriptedServer, run: Run) -> None:
        server.on("GET", "/api/v1/usage", data(self.report(ROW), total_pages=1))
        ran = run("usage", "--from", "2026-01-01", "--to", "2026-01-31", "--model", "fast")
        assert "~1.25+" in ran.out
        assert "34,000" in ran.out
        assert "1 request without a price" in ran.err
        assert server.asked[0].query == {
            "group_by": ["key,model,day"],
            "from": ["2026-01-01"],
            "to": ["2026-01-31"],
            "model": ["fast"],
            "page": ["1"],
            "per_page": ["1000"],
        }

    def test_json_holds_the_rows_of_every_page(self, server: ScriptedServer, run: Run) -> None:
        server.on("GET", "/api/v1/usage", data(self.report(ROW), total_pages=2))
        assert run("usage", "--json").json() == [ROW, ROW]

    def test_nothing_yet(self, server: ScriptedServer, run: Run) -> None:
        server.on("GET", "/api/v1/usage", data(self.report(), total_pages=0))
        ran = run("usage")
        assert (ran.status, ran.out) == (0, "")
        assert "Nothing was used" in ran.err

    def test_a_key_by_its_name(self, server: ScriptedServer, run: Run) -> None:
        server.on("GET", "/api/v1/keys", page({"id": "key_7", "name": "ci"}))
        server.on("GET", "/api/v1/usage", data(self.report(), total_pages=0))
        run("usage", "--key", "ci")
        assert server.asked[1].query["key_id"] == ["key_7"]


class TestPrices:
    def test_dollars_are_exact(self, server: ScriptedServer, run: Run) -> None:
        server.on("POST", "/api/v1/prices", data(PRICE))
        model = ("--provider", "openai", "--upstream-model", "gpt-4o")
        ran = run(
            "prices", "add", *model, "--input", "2.5", "--output", "10", "--cache-read", "1.25", "--from", "2026-01-01"
        )
        assert "2.50 input, 10.00 output" in ran.out
        assert server.asked[0].json() == {
            "provider": "openai",
            "upstream_model": "gpt-4o",
            "rates": {"input": 2_500_000_000, "output": 10_000_000_000, "cache_read": 1_250_000_000},
            "source": "",
            "valid_from": "2026-01-01T00:00:00+00:00",
        }

    @pytest.mark.parametrize("value", ["", "x", "1e3", "-1", "0.0000000001", "1,5"])
    def test_odd_prices(self, value: str) -> None:
        with pytest.raises(BadUsage, match="--cache-read"):
            nanodollars("cache_read", value)

    def test_odd_days(self) -> None:
        with pytest.raises(BadUsage, match="--from"):
            start_of("31.1.2026")

    def test_list(self, server: ScriptedServer, run: Run) -> None:
        server.on("GET", "/api/v1/prices", page(PRICE), page())
        assert "10.00" in run("prices", "list", "--provider", "openai").out
        assert server.asked[0].query["provider"] == ["openai"]
        assert "headworks prices add" in run("prices", "list").err


class TestStatus:
    def test_for_people(self, server: ScriptedServer, run: Run) -> None:
        server.on("GET", "/api/v1/status", data(STATUS))
        out = run("status").out
        assert "1:01:40" in out
        assert "1.0 of 1024 MiB" in out
        assert "Open streams" in out
        assert "catalog: slow" in out

    def test_for_programs(self, server: ScriptedServer, run: Run) -> None:
        server.on("GET", "/api/v1/status", data({**STATUS, "status": "unready"}))
        ran = run("status", "--json")
        assert ran.json() == {**STATUS, "status": "unready"}
        assert ran.status == 1


class TestEnv:
    def test_two_lines_for_a_shell(self, server: ScriptedServer, run: Run) -> None:
        assert run("env").out == f"export OPENAI_BASE_URL={server.origin}/v1\nexport OPENAI_API_KEY=hw_sk_first\n"

    def test_one_value(self, run: Run) -> None:
        assert run("env", "OPENAI_API_KEY").out == "hw_sk_first\n"

    def test_json_and_another_port(self, run: Run) -> None:
        found = run("--port", "9", "env", "--json").json()
        assert found == {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "hw_sk_first"}


def test_version(run: Run) -> None:
    assert run("version").out == f"headworks {__version__}\n"
    assert run("version", "--json").json() == {"version": __version__}


def test_no_command_shows_what_there_is(run: Run) -> None:
    ran = run()
    assert ran.status == 2
    assert "mock-provider" in ran.out + ran.err
