from __future__ import annotations

import io
from dataclasses import dataclass

import pytest

from headworks.kernel.events import EventBus


@dataclass(frozen=True)
class Happened:
    what: str


@dataclass(frozen=True)
class Other:
    what: str


def test_subscribers_hear_their_own_kind_in_order() -> None:
    bus = EventBus()
    heard: list[object] = []
    bus.subscribe(Happened, lambda event: heard.append(("first", event.what)))
    bus.subscribe(Happened, lambda event: heard.append(("second", event.what)))
    bus.publish(Other("nobody"))
    bus.publish(Happened("x"))
    assert heard == [("first", "x"), ("second", "x")]


def test_one_that_fails_keeps_nobody_from_hearing(log: io.StringIO) -> None:
    bus = EventBus()
    heard: list[Happened] = []

    def fail(_event: Happened) -> None:
        raise RuntimeError

    bus.subscribe(Happened, fail)
    bus.subscribe(Happened, heard.append)
    bus.publish(Happened("x"))
    assert heard == [Happened("x")]
    assert "event handler failed" in log.getvalue()


def test_events_wait_for_the_end_of_the_block() -> None:
    bus = EventBus()
    heard: list[Happened] = []
    bus.subscribe(Happened, heard.append)
    with bus.after() as publish:
        publish(Happened("x"))
        assert heard == []
    assert heard == [Happened("x")]


def test_nothing_is_told_of_what_did_not_happen() -> None:
    bus = EventBus()
    heard: list[Happened] = []
    bus.subscribe(Happened, heard.append)
    with pytest.raises(RuntimeError), bus.after() as publish:
        publish(Happened("x"))
        raise RuntimeError
    assert heard == []
