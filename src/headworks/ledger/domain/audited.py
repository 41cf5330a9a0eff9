"""What the audit trail says of the ledger's things."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from headworks.kernel.audit import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from headworks.ledger.contracts import Budget, ClosedPeriod, MarkUp, Raise, ReRating

    View = Mapping[str, object]

T = TypeVar("T")


def budget(action: str, before: Budget | None, after: Budget | None) -> Change:
    """`budget.created` and the like; at least one of the two is there."""
    thing = before if after is None else after
    return Change(
        f"budget.{action}",
        "budget",
        "" if thing is None else thing.id,
        _shown(before, _budget),
        _shown(after, _budget),
    )


def raised(action: str, before: Raise | None, after: Raise | None) -> Change:
    """`budget.raised`, `budget.raise_ended`: the budget is what changes."""
    thing = before if after is None else after
    return Change(
        f"budget.{action}",
        "budget",
        "" if thing is None else thing.budget_id,
        _shown(before, _raise),
        _shown(after, _raise),
    )


def mark_up(action: str, before: MarkUp | None, after: MarkUp | None) -> Change:
    """`mark_up.created`, `mark_up.removed`."""
    thing = before if after is None else after
    return Change(
        f"mark_up.{action}",
        "mark_up",
        "" if thing is None else thing.id,
        _shown(before, _mark_up),
        _shown(after, _mark_up),
    )


def re_rating(done: ReRating) -> Change:
    """`usage.re_rated`: what its records came to before and after."""
    view: View = {
        "from_us": done.wanted.from_us,
        "until_us": done.wanted.until_us,
        "provider_id": done.wanted.provider_id,
        "model": done.wanted.model,
        "upstream_model": done.wanted.upstream_model,
    }
    return Change(
        "usage.re_rated",
        "re_rating",
        done.id,
        {**view, "cost_nanodollars": done.cost_before, "charge_nanodollars": done.charge_before},
        {
            **view,
            "cost_nanodollars": done.cost_after,
            "charge_nanodollars": done.charge_after,
            "adjusted": done.adjusted,
        },
    )


def closed(period: ClosedPeriod) -> Change:
    """`period.closed`."""
    return Change(
        "period.closed",
        "closed_period",
        period.id,
        None,
        {"from_us": period.from_us, "until_us": period.until_us, "charge_nanodollars": period.sums.charge},
    )


def sums_rebuilt(organization_id: str, first: date, last: date) -> Change:
    """`usage.rebuilt`: the sums of these days, the last included, of every organisation."""
    view: View = {"first_day": first.isoformat(), "last_day": last.isoformat()}
    return Change("usage.rebuilt", "usage", organization_id, None, view)


def usage_exported(organization_id: str, name: str) -> Change:
    """`usage.exported`: a file was to be put into the object store, where whoever has a link reads it."""
    return Change("usage.exported", "usage", organization_id, None, {"object": name})


def rebuilt(organization_id: str, different: int, at_us: int) -> Change:
    """`counters.rebuilt`."""
    return Change("counters.rebuilt", "ledger", organization_id, None, {"different": different, "at_us": at_us})


def _shown(thing: T | None, view: Callable[[T], View]) -> View | None:
    return None if thing is None else view(thing)


def _budget(budget: Budget) -> View:
    return {
        "name": budget.name,
        "scope": budget.scope,
        "scope_id": budget.scope_id,
        "period": budget.period,
        "time_zone": budget.time_zone,
        "anchor": budget.anchor,
        "amount_nanodollars": budget.amount,
        "hard": budget.hard,
        "thresholds": list(budget.thresholds),
    }


def _raise(one: Raise) -> View:
    return {"raise_id": one.id, "amount_nanodollars": one.amount, "until_us": one.over_us}


def _mark_up(one: MarkUp) -> View:
    # Whose it is decides in whose trail the entry is found.
    return {"organization_id": one.organization_id, "ppm": one.ppm, "valid_from_us": one.valid_from_us}
