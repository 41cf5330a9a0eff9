"""What a batch of records comes to: charges by account, what was drawn from holds, what was spent of budgets."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from headworks.dataplane.flow import life_of
from headworks.ledger.contracts import Place
from headworks.ledger.domain.periods import calendar_of, counts_in
from headworks.ledger.domain.scopes import applying, whose

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from headworks.ledger.contracts import Budget, Period, Use
    from headworks.ledger.domain.postings import Lines
    from headworks.ledger.domain.scopes import Whose

Drawer: TypeAlias = tuple[Place, str]
"""A period of a budget, and which life of which gateway drew from its hold on it."""


class Spending(NamedTuple):
    """What was charged in one period of a budget."""

    budget: Budget
    period: Period
    charge: int

    @property
    def place(self) -> Place:
        """Which it is."""
        return Place(self.budget.id, self.period.start_us)


def charges(uses: Iterable[Use], into: Lines) -> None:
    """Each key's charge, each provider's cost."""
    for use in uses:
        into.charge(use.project_id, use.key_id, use.provider_id, cost=use.cost, charge=use.charge)


def draws(uses: Iterable[Use]) -> dict[Drawer, int]:
    """What was drawn from each hold, as the gateways say. What they say of budgets that make no sense is nothing."""
    by_text: Counter[tuple[str, str]] = Counter()
    for use in uses:
        if use.drawn and use.budgets:
            by_text[use.budgets, use.source] += use.drawn
    found: Counter[Drawer] = Counter()
    for (text, source), drawn in by_text.items():
        named, _, mark = text.partition("#")
        for place in places_of(named):
            found[place, life_of(source, mark)] += drawn
    return dict(found)


def places_of(named: str) -> list[Place]:
    """`bud_a@<period_start_us>,bud_b@…`: each once."""
    found: dict[Place, None] = {}
    for part in named.split(","):
        budget_id, at, start = part.partition("@")
        digits = start.removeprefix("-")
        if budget_id and at and digits.isascii() and digits.isdigit() and len(digits) < 19:  # noqa: PLR2004 - 64 bits
            found[Place(budget_id, int(start))] = None
    return list(found)


def spendings(uses: Iterable[Use], budgets: Sequence[Budget]) -> dict[Place, Spending]:
    """What was charged to each period of each budget that the records count for, also where that is nothing."""
    if not budgets:
        return {}
    by_whose: defaultdict[Whose, list[tuple[int, int]]] = defaultdict(list)
    for use in uses:
        by_whose[whose(use)].append((use.occurred_at_us, use.charge))
    found: dict[Place, Spending] = {}
    for who, charged in by_whose.items():
        for budget in applying(budgets, who):
            for spending in _by_period(budget, charged):
                before = found.get(spending.place)
                more = before.charge if before is not None else 0
                found[spending.place] = spending._replace(charge=spending.charge + more)
    return found


def _by_period(budget: Budget, charged: Iterable[tuple[int, int]]) -> list[Spending]:
    calendar = calendar_of(budget)
    sums: dict[Period, int] = {}
    period: Period | None = None
    for at_us, charge in charged:
        if period is None or not period.holds(at_us):
            period = calendar.around(at_us)
        sums[period] = sums.get(period, 0) + charge
    return [Spending(budget, period, charge) for period, charge in sums.items() if counts_in(budget, period)]
