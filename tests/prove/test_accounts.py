"""The comparison that the proofs stand on finds what it should: a proof that cannot fail proves nothing."""

from __future__ import annotations

import json

import pytest

from tests.support.accounts import discrepancies
from tests.support.mock import Served
from tests.support.rig import TOKEN_COLUMNS


def served(request_id: str, *, outcome: str = "complete", output: int = 5) -> Served:
    row = {
        "sequence": 1,
        "request_id": request_id,
        "endpoint": "chat/completions",
        "model": "mock",
        "stream": True,
        "status": 200,
        "tokens": {"input": 3, "cached": 0, "output": output, "reasoning": 0},
        "produced": output,
        "delivered": output,
        "outcome": outcome,
        "last_write_us": 1,
        "ended_us": 2,
    }
    return Served.from_json(json.dumps(row))


def record(event_id: str, *, outcome: str = "success", source: str = "provider", output: int = 5) -> dict[str, object]:
    tokens = dict.fromkeys(TOKEN_COLUMNS, 0) | {"input_tokens": 3, "output_tokens": output}
    flags = "counted:bytes" if source == "estimated" else ""
    return {"event_id": event_id, "outcome": outcome, "usage_source": source, "usage_flags": flags, **tokens}


def test_accounts_that_agree() -> None:
    assert discrepancies([served("a"), served("b")], [record("a"), record("b")]) == []


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([record("b")], "lost: a"),
        ([record("a"), record("a"), record("b")], "double: a"),
        ([record("a", output=6), record("b")], "wrong: 9 tokens recorded, 8 served"),
        ([record("a"), record("b"), record("c")], "recorded but never served"),
    ],
)
def test_what_is_lost_double_wrong_or_invented_is_found(records: list[dict[str, object]], found: str) -> None:
    problems = discrepancies([served("a"), served("b")], records)
    assert len(problems) == 1
    assert found in problems[0]


def test_a_success_that_was_cut_is_found() -> None:
    [problem] = discrepancies([served("a", outcome="cut")], [record("a")])
    assert "called a success" in problem


def test_an_estimate_beyond_what_was_produced_is_found() -> None:
    settled = record("a", outcome="interrupted", source="estimated", output=500)
    [problem] = discrepancies([served("a", outcome="client_left")], [settled])
    assert "5 were produced" in problem


def test_a_guess_that_poses_as_measured_is_found() -> None:
    [problem] = discrepancies([served("a", outcome="client_left")], [record("a", outcome="interrupted")])
    assert "not marked as an estimate" in problem


def test_an_estimate_that_does_not_say_by_what_is_found() -> None:
    settled = record("a", outcome="interrupted", source="estimated") | {"usage_flags": ""}
    [problem] = discrepancies([served("a", outcome="client_left")], [settled])
    assert "does not say by what" in problem


def test_a_killed_request_that_was_never_served_is_none() -> None:
    assert discrepancies([], [record("a", outcome="interrupted", source="estimated")]) == []
