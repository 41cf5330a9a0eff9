"""Roll-ups made anew from records, an hour in each transaction, so that storing usage waits no longer than for that."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from headworks.kernel.contention import until_it_holds
from headworks.kernel.fail_point import midway
from headworks.kernel.moments import first_second_of
from headworks.usage.domain.keeping import check_kept
from headworks.usage.domain.rollups import GRAINS, NOTHING, SECONDS, changed

if TYPE_CHECKING:
    from datetime import date

    from headworks.usage.domain.rollups import Compared, Grain, Sums
    from headworks.usage.ports import UsageStore
    from headworks.usage.settings import UsageSettings

_SECOND_US: Final = 1_000_000
_FORGOTTEN_AT_ONCE: Final[dict[Grain, int]] = {"minute": 600, "hour": 6 * 3_600, "day": 86_400}
"""Seconds: what begins within so many is deleted in one transaction."""


async def ask_anew(usage: UsageStore, organization_id: str, first: date, last: date) -> None:
    """The roll-ups of these days, the last included, are to be made anew; who asks is of that organisation.

    Raises Invalid for days whose records are not kept, DatabaseUnavailable.
    """
    days = range(first_second_of(first), first_second_of(last) + 1, SECONDS["day"])

    async def ask() -> None:
        async with usage.transaction() as unit:
            check_kept("first_day", days.start * _SECOND_US, await unit.kept_from())
            await unit.ask_anew(days)
            unit.books.note_rebuild(organization_id, first, last)

    await until_it_holds(ask)


async def keep_from(usage: UsageStore, at_us: int) -> bool:
    """Records from before then may be forgotten from now on: nothing is added to their sums, and these are not made anew.

    False where something from before is still to be made anew or settled. Raises DatabaseUnavailable.
    """

    async def keep() -> bool:
        async with usage.transaction() as unit:
            await unit.alone()
            return await unit.keep_from(at_us)

    return await until_it_holds(keep)


async def make_next_hour(usage: UsageStore, settings: UsageSettings, now_s: int) -> bool:
    """Of the newest day that is to be made anew; False where there is none. Raises DatabaseUnavailable."""

    async def make() -> bool:
        async with usage.transaction() as unit:
            await unit.alone()
            asked = await unit.asked()
            if asked is None:
                return False
            day_s, hour = asked
            hour_s = day_s + hour * SECONDS["hour"]
            adjusted = await _adjusted(usage, hour_s)
            await unit.make_hour(day_s, hour, adjusted, minutes_kept=settings.keeps("minute", hour_s, now_s))
            midway()
            return True

    return await until_it_holds(make)


async def compare_hour(usage: UsageStore, settings: UsageSettings, hour_s: int, now_s: int) -> Compared:
    """How far the roll-ups of an hour, and its day, are from its records. Raises DatabaseUnavailable."""

    async def compare() -> Compared:
        async with usage.transaction() as unit:
            await unit.alone()
            adjusted = await _adjusted(usage, hour_s)
            return await unit.compare(hour_s, adjusted, minutes_kept=settings.keeps("minute", hour_s, now_s))

    return await until_it_holds(compare)


async def forget_old(usage: UsageStore, settings: UsageSettings, now_s: int) -> int:
    """Minutes and hours that are older than they are kept; how many there were. Raises DatabaseUnavailable."""
    forgotten = 0
    for grain in GRAINS[:2]:
        while some := await until_it_holds(lambda grain=grain: _forget(usage, settings, grain, now_s)):  # type: ignore[misc]
            forgotten += some
    return forgotten


async def _forget(usage: UsageStore, settings: UsageSettings, grain: Grain, now_s: int) -> int:
    before_s = now_s - settings.kept[grain]
    async with usage.transaction() as unit:
        return await unit.forget(grain, before_s - before_s % SECONDS[grain], _FORGOTTEN_AT_ONCE[grain])


async def _adjusted(usage: UsageStore, hour_s: int) -> dict[int, Sums]:
    """What re-ratings changed in the records of an hour, by record. Nobody adds to roll-ups meanwhile, so they are committed."""
    found = await usage.bookkeeper.adjusted(hour_s * _SECOND_US, (hour_s + SECONDS["hour"]) * _SECOND_US)
    sums: defaultdict[int, Sums] = defaultdict(lambda: NOTHING)
    for one in found:
        cost = (one.cost_after or 0) - (one.cost_before or 0)
        charge = (one.charge_after or 0) - (one.charge_before or 0)
        unpriced = (one.cost_after is None) - (one.cost_before is None)
        sums[one.record] = tuple(map(int.__add__, sums[one.record], changed(cost, charge, unpriced)))
    return sums
