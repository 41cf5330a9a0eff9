"""Close a period: what was charged in it has been invoiced, and changes no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from headworks.kernel.errors import Invalid
from headworks.kernel.fail_point import midway
from headworks.kernel.ids import new_id
from headworks.kernel.moments import said
from headworks.ledger.contracts import ClosedPeriod, Period, Sums
from headworks.ledger.domain import audited
from headworks.ledger.errors import PeriodClosed

if TYPE_CHECKING:
    from headworks.ledger.ports import Reading, Unit

_SETTLED_US: Final = 60_000_000
"""Requests that began this long ago have mostly ended. Those that have not are settled later, in no closed period."""


async def close_period(unit: Unit, until_us: int, at_us: int) -> ClosedPeriod:
    """From the end of the last one until then. It is never opened again. Raises Invalid."""
    await unit.lock(alone=True)
    closed = await unit.closed_periods()
    from_us = closed[-1].until_us if closed else None
    if until_us > at_us - _SETTLED_US:
        raise Invalid.field("until", "out_of_range", "must lie at least a minute in the past")
    if from_us is not None and until_us <= from_us:
        raise Invalid.field(
            "until", "out_of_order", f"must be later than {said(from_us)}, until when it is closed already"
        )
    return await _close(unit, await _stretch(unit, from_us, until_us), at_us)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Time that is to be closed, and what its records come to as they were stored."""

    from_us: int | None
    """None for the first: from the beginning."""
    until_us: int
    stored: Sums


async def fixed(reading: Reading) -> Stretch | None:
    """What is not closed until `records.kept_from`: its records change no more. None where there are none.

    Read it without a lock: usage is stored meanwhile.
    """
    kept_from_us = await reading.records.kept_from()
    from_us = await closed_until(reading)
    if from_us is not None and from_us >= kept_from_us:
        return None
    found = await _stretch(reading, from_us, kept_from_us)
    return found if found.stored.records else None


async def close_fixed(unit: Unit, found: Stretch, at_us: int) -> ClosedPeriod | None:
    """Close what `fixed` found, so that nothing of it is rated anew and its records can go; None where somebody was quicker."""
    await unit.lock(alone=True)
    if await closed_until(unit) != found.from_us:
        return None
    return await _close(unit, found, at_us)


async def _stretch(reading: Reading, from_us: int | None, until_us: int) -> Stretch:
    period = Period(from_us or 0, until_us)
    return Stretch(from_us, until_us, await reading.records.sum("organization", reading.organization_id, period))


async def _close(unit: Unit, found: Stretch, at_us: int) -> ClosedPeriod:
    """The unit is locked, alone: what re-ratings changed stays what it is."""
    stored, period = found.stored, Period(found.from_us or 0, found.until_us)
    adjusted = await unit.adjusted("organization", unit.organization_id, period)
    sums = Sums(stored.records, stored.cost + adjusted.cost, stored.charge + adjusted.charge)
    made = ClosedPeriod(new_id("clo"), unit.organization_id, found.from_us, found.until_us, at_us, sums)
    await unit.add_closed_period(made)
    midway()
    unit.audit(audited.closed(made))
    return made


async def closed_until(unit: Reading) -> int | None:
    """Nothing before this changes any more; None where nothing is closed."""
    closed = await unit.closed_periods()
    return closed[-1].until_us if closed else None


async def check_open(unit: Reading, from_us: int) -> None:
    """Raises PeriodClosed when something from then on has been invoiced."""
    until_us = await closed_until(unit)
    if until_us is not None and from_us < until_us:
        raise PeriodClosed(said(until_us))
