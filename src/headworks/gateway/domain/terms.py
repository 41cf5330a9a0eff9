"""What requests of a flow are held to, what they cost, and for how long all of that stays as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.dataplane import flow as wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headworks.catalog.contracts import PriceBook
    from headworks.dataplane.flow import Flow, Target
    from headworks.ledger.contracts import InForce
    from headworks.limits.contracts import Limit

_MICROSECONDS = 1000
"""In a millisecond."""


@dataclass(frozen=True, slots=True)
class Terms:
    """At a moment."""

    limits: tuple[Limit, ...]
    used: Mapping[str, tuple[tuple[int, int], ...]]
    """By limit: what its window holds already."""
    in_force: InForce
    book: PriceBook
    at_us: int


def under(terms: Terms, flow: Flow) -> Flow:
    """The flow with its limits, its budgets and its targets' prices. It ends when any of them changes by itself."""
    ends = [terms.in_force.until_us]
    ends += [
        terms.book.stretch(target.provider_id, target.upstream_model, terms.at_us).until_us
        for target in flow.targets
        if target.upstream_model is not None
    ]
    # At least a millisecond: at the very moment of a change there is the next answer, not none.
    left_ms = [max(1, -((terms.at_us - end) // _MICROSECONDS)) for end in ends if end is not None]
    return replace(
        flow,
        targets=tuple(_priced(target, terms) for target in flow.targets),
        limits=tuple(_limit(limit, terms.used.get(limit.id, ())) for limit in terms.limits),
        # A soft one refuses nothing: the ledger alone counts it.
        budgets=tuple(budget for budget in terms.in_force.budgets if budget.hard),
        markup_ppm=terms.in_force.markup_ppm,
        fresh_ms=min([flow.fresh_ms, *left_ms]),
        hard_ms=min([flow.hard_ms, *left_ms]),
    )


def _priced(target: Target, terms: Terms) -> Target:
    if target.upstream_model is None:
        return target
    price = terms.book.find(target.provider_id, target.upstream_model, terms.at_us)
    return target if price is None else replace(target, rates=tuple(price.rates))


def _limit(limit: Limit, used: tuple[tuple[int, int], ...]) -> wire.Limit:
    return wire.Limit(limit.id, limit.scope, limit.unit, limit.amount, limit.window_seconds, used)
