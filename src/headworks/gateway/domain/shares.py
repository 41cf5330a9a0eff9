"""Who may count how much of a limit that is one for all gateways.

Each gateway counts against its own cap. Two rules make a limit exact: the caps together are no more than the limit's amount, and no
gateway lowers its cap below what its window holds. So all windows together never hold more than the amount, and no true window does.

`adapters/redis_shares/take.lua` says the same to Redis, and a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from headworks.dataplane.shares import Share

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headworks.dataplane.shares import ShareAsk

GRACE_MS: Final = 10_000
"""A gateway that was not heard for so long counts alone, or is no more: what it held goes as its window does. Slots go at once."""
HEARD_MS: Final = 4_000
"""Who has slots, or something to spare, speaks at least every three seconds: who was silent for so long need not be waited for."""
YOUNG_MS: Final = 2_000
"""How long an office that began anew hands out no more than is needed: it has not heard yet what everybody holds."""
_PARTS: Final = 60
"""Of a window: `engine/src/limit/window.rs` counts in as many, and the running one."""


@dataclass(frozen=True, slots=True)
class Held:
    """What one life of a gateway may count of a limit, as it was when it was heard last."""

    number: int
    """Of its last question."""
    heard_ms: int
    cap: int
    used: int
    passing: tuple[tuple[int, int], ...]
    """See `ShareAsk`; from `heard_ms` on."""
    waits: bool = False
    """It needed something and did not get it: what it had to spare was on the table."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from a question."""

    share: Share
    held: Held | None
    """What is known of who asked from now on; None for nothing."""
    lenders: frozenset[str] = frozenset()
    """Others who may have something to spare, each with the number of its last question: `life@7`. Who says more is another."""


def decide(ask: ShareAsk, before: Held | None, others: Mapping[str, Held], now_ms: int, *, is_young: bool) -> Decision:
    """Take note of what a gateway tells, and give it more where there is more. `before`: what was known of it; `others`: by life."""
    whole_ms = whole(ask.window_s)
    used = ask.used + sum(_rest(other.used, other, now_ms, whole_ms) for other in others.values())
    if before is not None and ask.number < before.number:
        # Who asked has given up on it, and does not hear this.
        return Decision(Share(ask.cap, used, ask.need == 0), before)
    free = max(0, ask.amount - ask.cap - sum(_rest(other.cap, other, now_ms, whole_ms) for other in others.values()))
    enough = ask.need <= free
    granted = 0
    if enough:
        # The less is left, the less goes to those who do not need it yet.
        ahead = 0 if is_young else (free - ask.need) // (2 * (len(others) + 1))
        granted = ask.need + min(max(0, ask.want - ask.need), ahead)
    cap = ask.cap + granted
    free_in_ms = None if enough else _free_in(ask, free, others.values(), now_ms)
    held = Held(ask.number, now_ms, cap, ask.used, ask.passing, not enough) if cap or ask.used else None
    return Decision(
        Share(cap, used, enough, free_in_ms),
        held,
        lenders=frozenset(f"{life}@{other.number}" for life, other in others.items() if _may_lend(ask, other, now_ms)),
    )


def whole(window_s: int) -> int:
    """Milliseconds after which nothing of a window is left, as gateways count it."""
    return window_s * 1000 * (_PARTS + 1) // _PARTS


def is_over(held: Held, now_ms: int, whole_ms: int) -> bool:
    """Whether nothing is left of what it held, since it has been silent for so long."""
    return now_ms >= held.heard_ms + whole_ms + GRACE_MS


def _rest(amount: int, held: Held, now_ms: int, whole_ms: int) -> int:
    """What is left of its cap, or of what it has used."""
    if is_over(held, now_ms, whole_ms):
        return 0
    passed = sum(part for in_ms, part in held.passing if now_ms >= held.heard_ms + in_ms + GRACE_MS)
    return max(0, amount - passed)


def _may_lend(ask: ShareAsk, held: Held, now_ms: int) -> bool:
    """Of requests as long as they are in the window; all else may have come back since it was heard."""
    may_have_more = held.cap > held.used or (ask.unit != "requests" and held.cap > 0)
    return may_have_more and not held.waits and now_ms < held.heard_ms + HEARD_MS


def _free_in(ask: ShareAsk, free: int, others: Iterable[Held], now_ms: int) -> int | None:
    """When as much as is needed will have passed, if nobody uses more."""
    if ask.unit == "concurrent" or ask.need > ask.amount:
        return None
    coming = [*ask.passing]
    for other in others:
        coming += [(max(0, other.heard_ms + in_ms - now_ms), amount) for in_ms, amount in other.passing]
    for in_ms, amount in sorted(coming):
        free += amount
        if free >= ask.need:
            return in_ms
    return whole(ask.window_s)
