"""The ledger against a naive model: whatever happens in whatever order, the books agree with a few lines of arithmetic.

Time goes over changes of clocks; usage is late; gateways die with leases; prices change the past; counters are lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from headworks.dataplane.flow import Spent
from headworks.kernel.errors import HeadworksError
from headworks.kernel.moments import micros, moment
from headworks.ledger import commands
from headworks.ledger.contracts import Budget, Counters, Place, RecordRange
from headworks.ledger.domain.periods import calendar_of
from headworks.ledger.tasks import Keeper
from tests.support.ledgers import (
    HOUR_US,
    ORG,
    SECOND_US,
    SETTINGS,
    FixedPrices,
    faults,
    lease,
    make_budget,
    spend,
    spending,
)
from tests.support.usage_stores import accounting_in_memory

T = TypeVar("T")

ZONES = ["UTC", "Europe/Berlin", "America/Havana", "Africa/Cairo", "Asia/Kathmandu", "Pacific/Apia"]
BEGIN = micros(datetime(2026, 3, 27, 9, tzinfo=UTC))
"""Two days before clocks change in Europe."""
LIFE_US = (SETTINGS.term_seconds + SETTINGS.grace_seconds) * SECOND_US
GATEWAYS = ["east", "west"]
KEYS = ["key_1", "key_2"]
AMOUNTS = st.integers(1, 2000)


@dataclass
class Event:
    """What was used."""

    key: str
    at_us: int
    tokens: int
    each: int


@dataclass
class Model:
    """As simple as it can be."""

    events: list[Event] = field(default_factory=list)
    budgets: dict[str, Budget] = field(default_factory=dict)
    raises: list[tuple[str, int, int]] = field(default_factory=list)
    """Budget, amount, until."""
    holds: dict[tuple[Place, str], tuple[int, int]] = field(default_factory=dict)
    """Amount, and when it expires."""
    loose: set[str] = field(default_factory=set)
    """Budgets of which something was spent without a hold, or that were lowered: those may be overdrawn."""

    def spent(self, budget: Budget, place: Place) -> int:
        wanted = key_of(budget, place.start_us)
        return sum(
            event.tokens * event.each
            for event in self.events
            if budget.scope_id in (ORG, event.key) and key_of(budget, event.at_us) == wanted
        )

    def held(self, place: Place) -> int:
        return sum(amount for (at, _), (amount, _) in self.holds.items() if at == place)

    def authorized(self, budget: Budget, at_us: int) -> int:
        return budget.amount + sum(more for of, more, until in self.raises if of == budget.id and at_us < until)


def key_of(budget: Budget, at_us: int) -> object:
    """Which period a moment is in, by the local date alone."""
    day = moment(at_us).astimezone(ZoneInfo(budget.time_zone)).date()
    if budget.period == "day":
        return day
    if budget.period == "week":
        return day - timedelta(days=(day.isoweekday() - budget.anchor) % 7)
    if budget.period == "month":
        return (day.year, day.month) if day.day >= budget.anchor else (day.year, day.month - 1)
    return date.min


class LedgerMachine(RuleBasedStateMachine):
    """One organisation."""

    @initialize()
    def begin(self) -> None:
        self.books = accounting_in_memory()
        self.model = Model()
        self.now_us = BEGIN
        self.number = 0
        self.each = 1
        self.keeper = Keeper(self.books.ledger, SETTINGS, lambda: moment(self.now_us))
        self.make("Europe/Berlin", "day", ("organization", ORG), 1500, True, 1)  # noqa: FBT003

    @rule(
        zone=st.sampled_from(ZONES),
        period=st.sampled_from(["day", "week", "month", "total"]),
        scope=st.sampled_from([("organization", ORG), ("key", KEYS[0])]),
        amount=AMOUNTS,
        hard=st.booleans(),
        anchor=st.integers(1, 7),
    )
    def make(
        self,
        zone: str,
        period: str,
        scope: tuple[str, str],
        amount: int,
        hard: bool,  # noqa: FBT001
        anchor: int,
    ) -> None:
        changes: dict[str, Any] = {
            "scope": scope[0],
            "scope_id": scope[1],
            "time_zone": zone,
            "period": period,
            "hard": hard,
            "anchor": anchor if period in {"week", "month"} else None,
        }
        taken = [(one.scope_id, one.period, one.hard) for one in self.model.budgets.values()]
        try:
            budget = run(make_budget(self.books, amount, self.now_us, **changes))
        except HeadworksError:
            assert (scope[1], period, hard) in taken
            return
        assert (scope[1], period, hard) not in taken
        self.model.budgets[budget.id] = budget
        if self.model.spent(budget, self._place(budget)) > amount:
            self.model.loose.add(budget.id)

    @precondition(lambda self: self.model.budgets)
    @rule(data=st.data(), amount=AMOUNTS)
    def change(self, data: st.DataObject, amount: int) -> None:
        budget = self._some(data)
        run(self._write(commands.change_budget, budget.id, commands.BudgetChanges(amount=amount), self.now_us))
        self.model.loose |= {budget.id} if amount < budget.amount else set()
        self.model.budgets[budget.id] = replace(budget, amount=amount)

    @precondition(lambda self: self.model.budgets)
    @rule(data=st.data(), amount=AMOUNTS, hours=st.integers(1, 60))
    def add_raise(self, data: st.DataObject, amount: int, hours: int) -> None:
        budget, until = self._some(data), self.now_us + hours * HOUR_US
        run(self._write(commands.raise_budget, budget.id, commands.NewRaise(amount, until), self.now_us))
        self.model.raises.append((budget.id, amount, until))
        self.model.loose.add(budget.id)

    @precondition(lambda self: self.model.budgets)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        budget = self._some(data)
        run(self._write(commands.remove_budget, budget.id, self.now_us))
        del self.model.budgets[budget.id]
        self.model.holds = {key: held for key, held in self.model.holds.items() if key[0].budget_id != budget.id}

    @precondition(lambda self: self.model.budgets)
    @rule(data=st.data(), gateway=st.sampled_from(GATEWAYS), need=st.integers(1, 300), want=st.integers(0, 3000))
    def borrow(self, data: st.DataObject, gateway: str, need: int, want: int) -> None:
        self._borrow(self._some(data), gateway, need, want)

    @rule(
        gateway=st.sampled_from(GATEWAYS),
        key=st.sampled_from(KEYS),
        worst=st.integers(1, 400),
        used=st.integers(0, 100),
        again=st.booleans(),
    )
    def request(self, gateway: str, key: str, worst: int, used: int, again: bool) -> None:  # noqa: FBT001
        """As a gateway does it: the worst case is borrowed from every budget, or the request is refused; a part is used."""
        applying = [one for one in self.model.budgets.values() if one.scope_id in (ORG, key)]
        if all(self._borrow(one, gateway, worst, 3 * worst) for one in applying):
            tokens = worst * used // 100 // self.each
            self._use(gateway, key, tokens, self.now_us, worst, [self._place(one) for one in applying], again=again)

    @rule(
        gateway=st.sampled_from(GATEWAYS),
        key=st.sampled_from(KEYS),
        tokens=st.integers(0, 400),
        hours_ago=st.sampled_from([0, 1, 26, 60]),
        drawn=st.integers(0, 500),
    )
    def use_what_was_not_borrowed(self, gateway: str, key: str, tokens: int, hours_ago: int, drawn: int) -> None:
        """Late, or of a gateway whose lease was taken back: it says what it drew, whether that is in its hold or not."""
        places = [self._place(one) for one in self.model.budgets.values()]
        self._use(gateway, key, tokens, self.now_us - hours_ago * HOUR_US, drawn, places, again=False)
        self.model.loose |= self.model.budgets.keys()

    @rule(data=st.data(), amount=st.integers(0, 1000))
    def give_back(self, data: st.DataObject, amount: int) -> None:
        if not self.model.holds:
            return
        place, gateway = data.draw(st.sampled_from(sorted(self.model.holds)))
        held, expires = self.model.holds[place, gateway]
        returned = run(self._write(commands.give_back, gateway, place, amount, self.now_us))
        assert returned == min(amount, held)
        if held == returned:
            del self.model.holds[place, gateway]
        else:
            self.model.holds[place, gateway] = held - returned, expires

    @rule(each=st.integers(1, 3))
    def rate_anew(self, each: int) -> None:
        self.each = each
        before = sum(event.tokens * event.each for event in self.model.events)
        outcome = run(self._rerate(each))
        for event in self.model.events:
            event.each = each
        after = sum(event.tokens * event.each for event in self.model.events)
        if outcome.re_rating is None:
            assert before == after
        else:
            assert (outcome.re_rating.charge_before, outcome.re_rating.charge_after) == (before, after)
            self.model.loose |= self.model.budgets.keys()

    @rule(seconds=st.sampled_from([1, 45, 91, 3600, 7 * 3600, 26 * 3600]))
    def wait(self, seconds: int) -> None:
        """And let the keeper look."""
        self.now_us += seconds * SECOND_US
        run(self.keeper.once())
        self.model.holds = {key: held for key, held in self.model.holds.items() if held[1] > self.now_us}
        self.model.raises = [one for one in self.model.raises if one[2] > self.now_us]

    @rule()
    def lose_all_counters(self) -> None:
        """They are a cache."""
        before = run(self._counters())
        run(self._spoil())
        run(self._write(commands.rebuild, self.now_us + LIFE_US, self.now_us))
        assert run(self._counters()) == before
        # When they expire is not in the entries: those that were lost are good for one more life.
        self.model.holds = {key: (amount, self.now_us + LIFE_US) for key, (amount, _) in self.model.holds.items()}

    @invariant()
    def the_books_agree(self) -> None:
        if not hasattr(self, "books"):
            return
        assert run(faults(self.books)) == []
        run(self.keeper.measure())
        assert (self.keeper.imbalance, self.keeper.counter_difference) == (0, 0)

    @invariant()
    def the_counters_are_the_models(self) -> None:
        if not hasattr(self, "books"):
            return
        for place, counters in run(self._counters()).items():
            assert counters.held == self.model.held(place) >= 0
            budget = self.model.budgets.get(place.budget_id)
            if budget is None:
                continue
            assert counters.spent == self.model.spent(budget, place) >= 0
            if place == self._place(budget):
                assert counters.authorized == self.model.authorized(budget, self.now_us)
                if budget.hard and budget.id not in self.model.loose:
                    assert counters.available >= 0

    def _borrow(self, budget: Budget, gateway: str, need: int, want: int) -> bool:
        """Whether something was granted."""
        place = self._place(budget)
        for (at, other), (_, expires) in list(self.model.holds.items()):
            if at == place and other != gateway and expires <= self.now_us:
                del self.model.holds[at, other]
        left = self.model.authorized(budget, self.now_us) - self.model.held(place) - self.model.spent(budget, place)
        answer = run(lease(self.books, place, need, want, source=gateway, at_us=self.now_us))
        if isinstance(answer, Spent):
            assert left < need
            assert answer.hard == budget.hard
            if (place, gateway) in self.model.holds:
                self.model.holds[place, gateway] = self.model.holds[place, gateway][0], self.now_us + LIFE_US
            return False
        assert need <= answer.granted <= max(need, want)
        assert answer.granted + answer.remaining == left
        before, _ = self.model.holds.get((place, gateway), (0, 0))
        self.model.holds[place, gateway] = before + answer.granted, self.now_us + LIFE_US
        return True

    def _use(
        self, gateway: str, key: str, tokens: int, at_us: int, drawn: int, places: list[Place], *, again: bool
    ) -> None:
        self.number += 1
        event = spending(
            self.number,
            tokens,
            key_id=key,
            source=gateway,
            occurred_at_us=at_us,
            drawn_nanodollars=drawn,
            budgets=",".join(f"{place.budget_id}@{place.start_us}" for place in places),
        )
        for _ in range(1 + again):
            run(spend(self.books, event, each=self.each, at=moment(self.now_us)))
        self.model.events.append(Event(key, at_us, tokens, self.each))
        for place in places:
            amount, expires = self.model.holds.get((place, gateway), (0, 0))
            self.model.holds[place, gateway] = amount - min(drawn, amount), expires
            if not self.model.holds[place, gateway][0]:
                del self.model.holds[place, gateway]

    def _some(self, data: st.DataObject) -> Budget:
        return self.model.budgets[data.draw(st.sampled_from(sorted(self.model.budgets)))]

    def _place(self, budget: Budget) -> Place:
        return Place(budget.id, calendar_of(budget).around(self.now_us).start_us)

    async def _write(self, command: Any, *arguments: Any) -> Any:  # noqa: ANN401 - any command
        async with self.books.ledger.writing(ORG) as unit:
            return await command(unit, *arguments)

    async def _rerate(self, each: int) -> commands.Outcome:
        async with self.books.ledger.writing(ORG) as unit:
            return await commands.rerate(unit, FixedPrices(each).book, RecordRange(0), self.now_us)

    async def _counters(self) -> dict[Place, Counters]:
        async with self.books.ledger.reading(ORG) as reading:
            return {one.place: one for one in await reading.periods(None, 1000)}

    async def _spoil(self) -> None:
        async with self.books.ledger.writing(ORG) as unit:
            for counters in await unit.periods(None, 1000):
                for hold in await unit.holds(counters.place):
                    await unit.put_hold(replace(hold, amount=0))
                await unit.put_counters(replace(counters, authorized=0, held=0, spent=0))


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
