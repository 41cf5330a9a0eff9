"""What a limit's window begins with."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import timedelta

from headworks.gateway.adapters.remembered_windows import Counted, RememberedWindows
from headworks.kernel.errors import Unavailable
from headworks.limits.contracts import Limit
from tests.unit.gateway.conftest import NOON

NOON_S = int(NOON.timestamp())
LIMIT = Limit("lim_1", "org_1", "key", "key_1", "tokens", "hour", 60, NOON, NOON)


def recovered() -> Future[None]:
    done: Future[None] = Future()
    done.set_result(None)
    return done


@dataclass
class Usage:
    """Three minutes of use, while it answers."""

    answers: bool = True
    asked: list[tuple[object, ...]] = field(default_factory=list)

    async def __call__(
        self, organization_id: str, scope: str, scope_id: str, unit: Counted, since_us: int
    ) -> tuple[tuple[int, int], ...]:
        self.asked.append((organization_id, scope, scope_id, unit, since_us))
        if not self.answers:
            raise Unavailable("down")
        return ((NOON_S - 121, 1), (NOON_S - 61, 2), (NOON_S - 1, 4))


async def test_usage_is_asked_once_for_each_limit() -> None:
    usage = Usage()
    windows = RememberedWindows(usage, recovered())
    assert await windows.used(LIMIT, NOON) == ((NOON_S - 121, 1), (NOON_S - 61, 2), (NOON_S - 1, 4))
    assert await windows.used(LIMIT, NOON + timedelta(minutes=59)) == await windows.used(LIMIT, NOON)
    assert await windows.used(LIMIT, NOON + timedelta(hours=1)) == (), "the engine has counted all of it"
    assert usage.asked == [("org_1", "key", "key_1", "tokens", (NOON_S - 3600) * 1_000_000)]
    await windows.used(replace(LIMIT, id="lim_2"), NOON)
    assert len(usage.asked) == 2


async def test_a_long_window_is_told_in_as_many_parts_as_the_engine_counts_in() -> None:
    windows = RememberedWindows(Usage(), recovered())
    assert await windows.used(replace(LIMIT, window="day"), NOON) == ((NOON_S - 1, 7),)


async def test_what_is_counted_at_once_has_no_past() -> None:
    usage = Usage()
    assert await RememberedWindows(usage, recovered()).used(replace(LIMIT, unit="concurrent", window=None), NOON) == ()
    assert usage.asked == []


async def test_while_usage_does_not_answer_a_window_begins_empty() -> None:
    usage = Usage(answers=False)
    windows = RememberedWindows(usage, recovered())
    assert await windows.used(LIMIT, NOON) == ()
    usage.answers = True
    assert len(await windows.used(LIMIT, NOON)) == 3


async def test_nobody_waits_for_ever_for_the_spool_of_the_last_life() -> None:
    usage = Usage()
    windows = RememberedWindows(usage, Future())
    assert await windows.used(LIMIT, NOON) == ()
    assert usage.asked == []
