from __future__ import annotations

import re

import pytest

from headworks.kernel.bus import Batching, Group, Policy, TaskQueue, Topology
from headworks.kernel.bus.consuming import pause_after


@pytest.mark.parametrize(
    ("topic", "kind", "heard"),
    [
        ("usage.recorded.v1", "usage.recorded.v1", True),
        ("usage.recorded.v1", "usage.recorded.v2", False),
        ("usage.#", "usage.recorded.v1", True),
        ("usage.#", "usages.recorded.v1", False),
        ("catalog.model.#", "catalog.model.changed.v1", True),
        ("catalog.model.#", "catalog.price.changed.v1", False),
    ],
)
def test_a_group_hears_what_it_asked_for(topic: str, kind: str, heard: bool) -> None:  # noqa: FBT001 - a table
    assert Group("g", (topic,)).hears(kind) is heard


@pytest.mark.parametrize("topic", ["usage", "#", "*.recorded.v1", "usage.*", "usage.recorded", "", ".#"])
def test_what_is_no_topic_is_refused(topic: str) -> None:
    with pytest.raises(ValueError, match="is no topic"):
        Group("g", (topic,))


@pytest.mark.parametrize("name", ["", "Usage", "usage.high", "dead queue", "x" * 64, "-x"])
def test_what_is_no_name_is_refused(name: str) -> None:
    for make in (lambda: Group(name, ()), lambda: TaskQueue(name)):
        with pytest.raises(ValueError, match=re.escape(repr(name))):
            make()


def test_two_queues_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two queues have one name: ledger"):
        Topology((Group("ledger", ("usage.#",)),), (TaskQueue("ledger"),))


@pytest.mark.parametrize(
    "wrong", [{"delivery_limit": 0}, {"max_messages": 0}, {"max_bytes": -1}, {"max_dead": 0}, {"seconds_to_live": 0.0}]
)
def test_limits_are_positive(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        Policy(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"messages": 0}, {"messages": 10_001}, {"wait_seconds": -1.0}, {"prefetch": 99}])
def test_a_batch_is_possible(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a batch has"):
        Batching(**wrong)  # type: ignore[arg-type]


def test_pauses_double_up_to_a_limit_and_are_never_the_same() -> None:
    for failures, longest in ((1, 0.2), (2, 0.4), (6, 6.4), (9, 30), (10_000, 30)):
        pauses = [pause_after(failures) for _ in range(50)]
        assert min(pauses) >= longest / 2
        assert max(pauses) <= longest
        assert len(set(pauses)) > 40
