"""Whatever gateways ask, lose and forget, no true window of all of them together holds more than the limit."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from headworks.dataplane.shares import ShareAsk, SharesQuestion
from headworks.gateway.adapters.memory_shares import MemoryShareOffice
from headworks.gateway.domain.shares import GRACE_MS, Held, decide, is_over, whole
from tests.support.shares import MINUTE, ask

T = TypeVar("T")

AMOUNT = 100
WHOLE_MS = whole(MINUTE)
"""As long as gateways count what was used."""
TRUE_MS = MINUTE * 1000
WHO = st.integers(0, 3)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """What it returns; it waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    raise AssertionError("it waits")


@dataclass
class Life:
    """Of a gateway that counts one limit."""

    name: str
    cap: int = 0
    number: int = 0
    uses: list[tuple[int, int]] = field(default_factory=list)
    """(when, amount)"""

    def used(self, now_ms: int) -> int:
        return sum(amount for at_ms, amount in self.uses if now_ms < at_ms + WHOLE_MS)

    def says(self, now_ms: int, *, need: int = 0, want: int = 0, keep: int | None = None) -> ShareAsk:
        used = self.used(now_ms)
        if need:
            keep = 0
        self.cap = self.cap if keep is None else min(self.cap, used + keep)
        self.number += 1
        passing = tuple((at_ms + WHOLE_MS - now_ms, one) for at_ms, one in self.uses if now_ms < at_ms + WHOLE_MS)
        return ask("lim_1", self.number, cap=self.cap, used=used, need=need, want=want, amount=AMOUNT, passing=passing)


class Shared(RuleBasedStateMachine):
    """Gateways that live and die, and an office that is asked in any order and answers, or seems not to."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 1_000_000
        self.names = count(1)
        self.office = self.new_office()
        self.lives = [self.new_life() for _ in range(4)]
        self.dead: list[Life] = []
        self.late: list[tuple[str, ShareAsk]] = []

    def new_office(self) -> MemoryShareOffice:
        return MemoryShareOffice(lambda _: None, lambda: self.now_ms)

    def new_life(self) -> Life:
        return Life(f"life_{next(self.names)}")

    def put(self, life: Life, said: ShareAsk) -> bool:
        """It is answered. Whether that was enough."""
        (decision,) = at_once(self.office.take(life.name, [said]))
        assert decision.share.cap >= said.cap
        life.cap = decision.share.cap
        return decision.share.enough

    @rule(who=WHO, amount=st.integers(1, 40))
    def use(self, who: int, amount: int) -> None:
        life = self.lives[who]
        if life.used(self.now_ms) + amount <= life.cap:
            life.uses.append((self.now_ms, amount))

    @rule(who=WHO, need=st.integers(0, 60), want=st.integers(0, 60))
    def ask(self, who: int, need: int, want: int) -> None:
        life = self.lives[who]
        before = self.free()
        enough = self.put(life, life.says(self.now_ms, need=need, want=want))
        assert enough or need > before, "nobody is refused what nobody holds"

    @rule(who=WHO, need=st.integers(1, 60))
    def lose_the_answer(self, who: int, need: int) -> None:
        life = self.lives[who]
        at_once(self.office.take(life.name, [life.says(self.now_ms, need=need)]))

    @rule(who=WHO, need=st.integers(1, 60))
    def send_what_is_late(self, who: int, need: int) -> None:
        life = self.lives[who]
        self.late.append((life.name, life.says(self.now_ms, need=need)))

    @rule()
    def deliver_what_is_late(self) -> None:
        for name, said in self.late:
            at_once(self.office.take(name, [said]))
        self.late.clear()

    @rule(who=WHO, keep=st.integers(0, 10))
    def give_back(self, who: int, keep: int) -> None:
        life = self.lives[who]
        self.put(life, life.says(self.now_ms, keep=keep))

    @rule(who=WHO)
    def die(self, who: int) -> None:
        self.dead.append(self.lives[who])
        self.lives[who] = self.new_life()

    @rule(seconds=st.sampled_from([1, 5, 20, 75]))
    def pass_time(self, seconds: int) -> None:
        """Who lives says every second what it has used."""
        for _ in range(seconds):
            self.now_ms += 1_000
            for life in self.lives:
                self.put(life, life.says(self.now_ms))

    @rule()
    def begin_anew(self) -> None:
        """Gateways hear of it, and say what they have. Nobody speaks for the dead."""
        self.office, self.dead, self.late = self.new_office(), [], []
        for life in self.lives:
            self.put(life, life.says(self.now_ms))

    def free(self) -> int:
        book = self.office._books.get(("lim_1", "requests", MINUTE), {})
        taken = [held.cap for held in book.values() if not is_over(held, self.now_ms, WHOLE_MS)]
        return AMOUNT - sum(taken)

    @invariant()
    def caps_are_no_more_than_there_is(self) -> None:
        book = self.office._books.get(("lim_1", "requests", MINUTE), {})
        for life in self.lives:
            assert life.used(self.now_ms) <= life.cap
            assert life.cap <= (book[life.name].cap if life.name in book else 0)
        assert sum(life.cap for life in self.lives) <= AMOUNT

    @invariant()
    def no_true_window_holds_more(self) -> None:
        uses = [use for life in (*self.lives, *self.dead) for use in life.uses]
        assert sum(amount for at_ms, amount in uses if self.now_ms < at_ms + TRUE_MS) <= AMOUNT


TestShared = Shared.TestCase
TestShared.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)


def test_the_less_is_left_the_less_goes_to_who_does_not_need_it_yet() -> None:
    others = {life: Held(1, 0, 30, 30, ()) for life in ("one", "other")}
    granted = [decide(ask(need=1, want=want), None, others, 0, is_young=False).share.cap for want in (1, 5, 90)]
    assert granted == [1, 5, 1 + 39 // 6]
    assert decide(ask(need=1, want=90), None, others, 0, is_young=True).share.cap == 1


def test_what_was_used_beyond_what_was_foreseen_leaves_nothing_for_others() -> None:
    overdrawn = Held(1, 0, 130, 130, ())
    decision = decide(ask(need=1), None, {"it": overdrawn}, 0, is_young=False)
    assert (decision.share.enough, decision.share.cap, decision.share.used) == (False, 0, 130)


def test_what_the_dead_had_goes_as_their_window_does() -> None:
    dead = Held(1, 0, 90, 80, ((10_000, 30), (61_000, 50)))
    ends = [10_000 + GRACE_MS, 61_000 + GRACE_MS]
    for at_ms, left in ((0, 90), (ends[0] - 1, 90), (ends[0], 60), (ends[1] - 1, 60), (ends[1], 0)):
        free = decide(ask(need=101), None, {"it": dead}, at_ms, is_young=False)
        assert not free.share.enough
        assert decide(ask(need=100 - left), None, {"it": dead}, at_ms, is_young=False).share.enough
        assert left == 0 or not decide(ask(need=101 - left), None, {"it": dead}, at_ms, is_young=False).share.enough


def test_questions_are_read_as_the_engine_writes_them() -> None:
    written = {
        "kind": "shares",
        "life": "spool_1-7",
        "asks": [
            {
                "limit_id": "lim_1",
                "unit": "tokens",
                "window_s": 60,
                "amount": 9,
                "number": 7,
                "cap": 3,
                "used": 2,
                "need": 1,
                "want": 4,
                "passing": [[61_000, 2]],
            }
        ],
    }
    wanted = ShareAsk("lim_1", "tokens", 60, 9, 7, 3, 2, 1, 4, ((61_000, 2),))
    assert SharesQuestion.read(written) == SharesQuestion("spool_1-7", (wanted,))
