from __future__ import annotations

from headworks.gateway.domain.names import allows, listed, similar
from tests.unit.gateway.conftest import key, snapshot


def test_the_most_similar_come_first_whatever_their_case() -> None:
    names = ["gpt-4o", "gpt-4o-mini", "claude-sonnet", "GPT-4O-Audio"]
    assert similar("GPT4o", names)[0] == "gpt-4o"
    assert similar("gpt-4o-audio", names)[0] == "GPT-4O-Audio"
    assert similar("sonnet", names) == ["claude-sonnet"]


def test_what_is_like_nothing_gets_no_hint() -> None:
    assert similar("zzzz", ["gpt-4o"]) == []
    assert similar("x", []) == []


def test_three_at_most() -> None:
    assert len(similar("model", [f"model-{number}" for number in range(10)])) == 3


def test_a_key_without_a_list_may_use_every_name_and_sees_the_short_ones() -> None:
    whole = snapshot("fast", hidden=("provider-1/gpt",))
    assert allows(key(), "provider-1/gpt")
    assert list(listed(key(), whole)) == ["fast"]


def test_a_list_holds_for_exact_names() -> None:
    held = key(allowed_models=("fast",))
    assert allows(held, "fast")
    assert not allows(held, "Fast")
    assert not allows(held, "fast ")
