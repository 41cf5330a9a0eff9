"""How budgets stand, and which of them hold for a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.dataplane.flow import Budget as FlowBudget
from headworks.ledger.contracts import Counters, InForce, MarkUpBook, Place
from headworks.ledger.domain import allowances
from headworks.ledger.domain.periods import calendar_of
from headworks.ledger.domain.scopes import applying
from headworks.ledger.errors import BudgetNotFound

if TYPE_CHECKING:
    from headworks.ledger.contracts import Alert, Budget, MarkUp, Period, Raise
    from headworks.ledger.domain.scopes import Whose
    from headworks.ledger.ports import Reading


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget in its running period."""

    budget: Budget
    period: Period
    counters: Counters
    raises: tuple[Raise, ...]
    """Those that count now."""
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """An organisation's budgets and mark-ups at one revision."""

    revision: int
    budgets: tuple[Budget, ...]
    raises: tuple[Raise, ...]
    mark_ups: tuple[MarkUp, ...]


async def standings(reading: Reading, at_us: int) -> list[Standing]:
    """Of every budget, the oldest first."""
    return [await _standing(reading, budget, at_us) for budget in await reading.budgets()]


async def standing(reading: Reading, budget_id: str, at_us: int) -> Standing:
    """Of one. Raises BudgetNotFound."""
    budget = await reading.budget(budget_id)
    if budget is None:
        raise BudgetNotFound(budget_id)
    return await _standing(reading, budget, at_us)


async def known(reading: Reading) -> Known:
    """What is known of the organisation's budgets."""
    return Known(
        # Read first: what changes meanwhile is read again rather than missed.
        await reading.revision(),
        tuple(await reading.budgets()),
        tuple(await reading.raises()),
        tuple(await reading.mark_ups()),
    )


def in_force(known: Known, to: Whose, at_us: int) -> InForce:
    """What holds for such requests, and until when."""
    budgets, ends = [], []
    for budget in applying(known.budgets, to):
        period = calendar_of(budget).around(at_us)
        amount = allowances.authorized(budget, known.raises, period, at_us)
        budgets.append(
            FlowBudget(
                id=budget.id,
                scope=budget.scope,
                hard=budget.hard,
                amount=amount,
                period_start_us=period.start_us,
                period_end_us=period.end_us,
            )
        )
        ends += [period.end_us, allowances.next_end(budget, known.raises, at_us)]
    ends += [one.valid_from_us for one in known.mark_ups if one.valid_from_us > at_us]
    markup_ppm = MarkUpBook(known.mark_ups).timeline(to.organization).at(at_us)
    return InForce(tuple(budgets), markup_ppm, min((end for end in ends if end is not None), default=None))


async def _standing(reading: Reading, budget: Budget, at_us: int) -> Standing:
    period = calendar_of(budget).around(at_us)
    place = Place(budget.id, period.start_us)
    raises = [one for one in await reading.raises() if one.budget_id == budget.id]
    counters = (await reading.counters([place])).get(place)
    authorized = allowances.authorized(budget, raises, period, at_us)
    if counters is None:
        # Nobody has asked for it or spent of it yet; who does opens it.
        counters = Counters(place, period.end_us, authorized, held=0, spent=0)
    running = tuple(one for one in raises if one.created_at_us <= at_us < one.over_us)
    # A raise that has just run out is posted within seconds: it counts no more already.
    counters = Counters(place, counters.end_us, authorized, counters.held, counters.spent)
    return Standing(budget, period, counters, running, tuple(await reading.alerts(place)))
