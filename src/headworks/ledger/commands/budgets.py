"""Create, change, raise and remove budgets. Whoever does is alone in the organisation's ledger for that moment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from headworks.kernel.errors import Invalid
from headworks.kernel.ids import new_id
from headworks.kernel.scopes import UnknownScope
from headworks.kernel.text import checked_name
from headworks.kernel.versions import check_version
from headworks.kernel.zones import UnknownZone, checked_zone
from headworks.ledger.commands.leases import reclaim_all
from headworks.ledger.commands.periods import allow, open_period
from headworks.ledger.contracts import Budget, BudgetChanged, Raise
from headworks.ledger.domain import allowances, audited
from headworks.ledger.domain.periods import calendar_of, checked_anchor
from headworks.ledger.domain.thresholds import checked_thresholds
from headworks.ledger.errors import BudgetNotFound, RaiseNotFound, UnknownTimeZone

if TYPE_CHECKING:
    from headworks.kernel.scopes import Scope
    from headworks.ledger.contracts import PeriodKind
    from headworks.ledger.ports import ScopeNames, Unit

_LONGEST_RAISE_US: Final = 366 * 86_400_000_000
_MOST_RAISES: Final = 100


@dataclass(frozen=True, slots=True)
class NewBudget:
    """A budget as somebody wrote it down."""

    name: str
    scope: Scope
    scope_id: str | None
    """None for the organisation itself."""
    amount: int
    period: PeriodKind
    time_zone: str = "UTC"
    anchor: int | None = None
    hard: bool = True
    thresholds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class BudgetChanges:
    """What is to be another; None leaves it. What it is of, and its periods, stay: for others make another budget."""

    name: str | None = None
    amount: int | None = None
    hard: bool | None = None
    thresholds: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class NewRaise:
    """More for a while."""

    amount: int
    until_us: int


async def create_budget(unit: Unit, names: ScopeNames, wish: NewBudget, at_us: int) -> Budget:
    """Its running period knows what was spent in it already. Raises Invalid, UnknownScope, UnknownTimeZone, BudgetExists."""
    scope_id = wish.scope_id or (unit.organization_id if wish.scope == "organization" else "")
    budget = Budget(
        id=new_id("bud"),
        organization_id=unit.organization_id,
        name=checked_name("name", wish.name),
        scope=wish.scope,
        scope_id=scope_id,
        period=wish.period,
        time_zone=_zone(wish.time_zone),
        anchor=checked_anchor(wish.period, wish.anchor),
        amount=allowances.checked_amount("amount_nanodollars", wish.amount),
        hard=wish.hard,
        thresholds=checked_thresholds(wish.thresholds),
        created_at_us=at_us,
    )
    if not await names.has(unit.organization_id, wish.scope, scope_id):
        raise UnknownScope(wish.scope, scope_id)
    await unit.lock(alone=True)
    await unit.add_budget(budget)
    await open_period(unit, budget, calendar_of(budget).around(at_us), at_us)
    await _note(unit, budget, "created")
    unit.audit(audited.budget("created", None, budget))
    return budget


def _zone(name: str) -> str:
    try:
        return checked_zone(name)
    except UnknownZone as unknown:
        raise UnknownTimeZone(name, unknown.near) from None


async def change_budget(
    unit: Unit, budget_id: str, changes: BudgetChanges, at_us: int, expected: int | None = None
) -> Budget:
    """From now on; periods that are over stay as they were. Raises Invalid, BudgetNotFound, BudgetExists, Stale."""
    await unit.lock(alone=True)
    before = await _found(unit, budget_id, expected)
    after = replace(
        before,
        name=before.name if changes.name is None else checked_name("name", changes.name),
        amount=(
            before.amount if changes.amount is None else allowances.checked_amount("amount_nanodollars", changes.amount)
        ),
        hard=before.hard if changes.hard is None else changes.hard,
        thresholds=before.thresholds if changes.thresholds is None else checked_thresholds(changes.thresholds),
    )
    if after == before:
        return before
    after = replace(after, version=before.version + 1)
    await unit.replace_budget(after)
    await _allow_now(unit, after, at_us)
    await _note(unit, after, "changed")
    unit.audit(audited.budget("changed", before, after))
    return after


async def remove_budget(unit: Unit, budget_id: str, at_us: int, expected: int | None = None) -> None:
    """Nothing counts for it any more. Its entries stay. Raises BudgetNotFound, Stale."""
    await unit.lock(alone=True)
    before = await _found(unit, budget_id, expected)
    await reclaim_all(unit, budget_id, at_us)
    await unit.replace_budget(replace(before, removed_at_us=at_us, version=before.version + 1))
    await _note(unit, before, "removed")
    unit.audit(audited.budget("removed", before, None))


async def raise_budget(
    unit: Unit, budget_id: str, wish: NewRaise, at_us: int, expected: int | None = None
) -> tuple[Budget, Raise]:
    """More until then, in this period and in those that begin before. Raises Invalid, BudgetNotFound, Stale."""
    amount = allowances.checked_amount("amount_nanodollars", wish.amount)
    if not at_us < wish.until_us <= at_us + _LONGEST_RAISE_US:
        raise Invalid.field("until", "out_of_range", "must lie in the future, and not more than a year ahead")
    await unit.lock(alone=True)
    budget = await _found(unit, budget_id, expected)
    running = [one for one in await unit.raises() if one.budget_id == budget_id and one.over_us > at_us]
    if len(running) >= _MOST_RAISES:
        raise Invalid.field("amount_nanodollars", "too_many", f"the budget has {_MOST_RAISES} raises; end some first")
    if budget.amount + amount + sum(one.amount for one in running) > allowances.LARGEST_BUDGET:
        raise Invalid.field("amount_nanodollars", "out_of_range", "makes more of the budget than a budget can be")
    made = Raise(new_id("rse"), budget_id, amount, at_us, wish.until_us)
    await unit.add_raise(made)
    unit.audit(audited.raised("raised", None, made))
    return await _raised(unit, budget, at_us, "raised"), made


async def end_raise(unit: Unit, budget_id: str, raise_id: str, at_us: int, expected: int | None = None) -> Budget:
    """Before its time, or when that is over. Safe to repeat by the keeper. Raises BudgetNotFound, RaiseNotFound, Stale."""
    await unit.lock(alone=True)
    budget = await _found(unit, budget_id, expected)
    found = [one for one in await unit.raises() if (one.id, one.budget_id) == (raise_id, budget_id)]
    if not found or found[0].ended_at_us is not None:
        raise RaiseNotFound(raise_id)
    ended = replace(found[0], ended_at_us=min(at_us, found[0].until_us))
    await unit.replace_raise(ended)
    unit.audit(audited.raised("raise_ended", found[0], ended))
    return await _raised(unit, budget, at_us, "raise_ended")


async def _raised(unit: Unit, budget: Budget, at_us: int, what: str) -> Budget:
    after = replace(budget, version=budget.version + 1)
    await unit.replace_budget(after)
    await _allow_now(unit, after, at_us)
    await _note(unit, after, "raised" if what == "raised" else "raise_ended")
    return after


async def _found(unit: Unit, budget_id: str, expected: int | None) -> Budget:
    budget = await unit.budget(budget_id)
    if budget is None:
        raise BudgetNotFound(budget_id)
    check_version(expected, budget.version)
    return budget


async def _allow_now(unit: Unit, budget: Budget, at_us: int) -> None:
    counters, is_new = await open_period(unit, budget, calendar_of(budget).around(at_us), at_us)
    if not is_new:
        await allow(unit, budget, counters, at_us)


async def _note(unit: Unit, budget: Budget, what: str) -> None:
    await unit.touch()
    unit.publish(BudgetChanged(unit.organization_id, budget.id, what))  # type: ignore[arg-type]
