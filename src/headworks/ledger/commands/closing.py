"""Close a period: what was charged in it has been invoiced, and changes no more."""

from __future__ import annotations

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
    return await _close(unit, from_us, until_us, await _stored(unit, from_us, until_us), at_us)


async def fixed(reading: Reading) -> tuple[int | None, Sums] | None:
    """From where until `records.kept_from` a period is to be closed, and what its records come to: they change no more.

    None where nothing is to be closed. Read it without a lock: usage is stored meanwhile.
    """
    kept_from_us = await reading.records.kept_from()
    from_us = await closed_until(reading)
    if from_us is not None and from_us >= kept_from_us:
        return None
    stored = await _stored(reading, from_us, kept_from_us)
    return (from_us, stored) if stored.records else None


async def close_fixed(unit: Unit, from_us: int | None, stored: Sums, at_us: int) -> ClosedPeriod | None:
    """Close what `fixed` found, so that nothing of it is rated anew and its records can go; None where somebody was quicker."""
    await unit.lock(alone=True)
    if await closed_until(unit) != from_us:
        return None
    return await _close(unit, from_us, await unit.records.kept_from(), stored, at_us)


async def _stored(reading: Reading, from_us: int | None, until_us: int) -> Sums:
    return await reading.records.sum("organization", reading.organization_id, Period(from_us or 0, until_us))


async def _close(unit: Unit, from_us: int | None, until_us: int, stored: Sums, at_us: int) -> ClosedPeriod:
    adjusted = await unit.adjusted("organization", unit.organization_id, Period(from_us or 0, until_us))
    sums = Sums(stored.records, stored.cost + adjusted.cost, stored.charge + adjusted.charge)
    made = ClosedPeriod(new_id("clo"), unit.organization_id, from_us, until_us, at_us, sums)
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
