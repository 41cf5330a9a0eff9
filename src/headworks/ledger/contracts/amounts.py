"""What one request costs us, and what its organisation is charged for it."""

from __future__ import annotations

from dataclasses import dataclass
from operator import mul
from typing import TYPE_CHECKING, Final, NamedTuple

from headworks.kernel.money import LARGEST_AMOUNT, UNITS_PER_PRICE, half_to_even
from headworks.kernel.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from headworks.catalog.contracts import Rates

PPM: Final = 1_000_000
"""Mark-ups are parts of this."""
_EXACT: Final = UNITS_PER_PRICE * PPM


class Amounts(NamedTuple):
    """Nanodollars; both are None where something was used that has no price."""

    cost: int | None
    """What the provider takes."""
    charge: int | None
    """What the organisation pays: the cost with its mark-up, from the sum before it was rounded."""


NOTHING: Final = Amounts(0, 0)
UNPRICED: Final = Amounts(None, None)


def amounts_of(units: Sequence[int], rates: Rates | None, markup_ppm: int, *, succeeded: bool) -> Amounts:
    """For `units` by bucket, each amount rounded once, half to even.

    What used nothing and failed costs nothing, a charge for each request included.
    """
    if (rates is None or not succeeded) and not any(units):
        return NOTHING
    if rates is None:
        return UNPRICED
    # `map` ends with the shorter one: the rate for each request, which comes last, meets no bucket.
    total = sum(map(mul, units, rates)) + rates.requests
    cost = half_to_even(total, UNITS_PER_PRICE)
    charge = cost if markup_ppm == 0 else half_to_even(total * (PPM + markup_ppm), _EXACT)
    return Amounts(cost, charge) if max(cost, charge) <= LARGEST_AMOUNT else UNPRICED


@dataclass(frozen=True, slots=True)
class MarkUp:
    """What an organisation pays on top of the cost, from `valid_from_us` until its next mark-up begins."""

    id: str
    organization_id: str
    ppm: int
    """Parts per million of the cost; negative for a discount."""
    valid_from_us: int
    created_at_us: int
    version: int = 1


_NONE: Final[Timeline[int]] = Timeline((), 0)


class MarkUpBook:
    """Every organisation's mark-ups, to be asked without waiting. Immutable."""

    __slots__ = ("_timelines",)

    def __init__(self, mark_ups: Iterable[MarkUp]) -> None:
        found: dict[str, list[tuple[int, int]]] = {}
        for one in mark_ups:
            found.setdefault(one.organization_id, []).append((one.valid_from_us, one.ppm))
        self._timelines = {name: Timeline(sorted(line), 0) for name, line in found.items()}

    def timeline(self, organization_id: str) -> Timeline[int]:
        """What its mark-up was (parts per million), in time. 0 before the first."""
        return self._timelines.get(organization_id, _NONE)
