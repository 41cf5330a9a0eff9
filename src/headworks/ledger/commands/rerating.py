"""Rate the past anew: post what other prices and mark-ups change. No record is touched, and doing it twice changes nothing.

It goes in steps, each a re-rating and a transaction of its own: what broke off goes on where it was, or begins anew, and finds what is
done already as it should be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from headworks.kernel.errors import Invalid
from headworks.kernel.fail_point import midway
from headworks.kernel.ids import new_id
from headworks.ledger.commands.alerts import tell_crossings
from headworks.ledger.commands.closing import check_open
from headworks.ledger.contracts import Adjustment, MarkUpBook, ReRating, Use
from headworks.ledger.domain import audited, rerating, settlement
from headworks.ledger.domain.postings import Lines
from headworks.ledger.domain.rerating import Rater

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headworks.catalog.contracts import PriceBook
    from headworks.ledger.contracts import RecordRange
    from headworks.ledger.domain.rerating import Changed, Tally
    from headworks.ledger.ports import Reading, Unit

STEP_RECORDS: Final = 20_000
"""What one transaction rates anew; the organisation's usage is not stored meanwhile."""
_AT_ONCE: Final = 2_000

Mark: TypeAlias = tuple[int, int]
"""Behind a record: its (occurred_at_us, number)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a re-rating changes, or has changed."""

    re_rating: ReRating | None
    """None where nothing was posted: for a preview, and where nothing changes."""
    by_model: Mapping[str, Tally]
    next: Mark | None
    """Behind which the next step begins; None where there is no more."""


async def preview(reading: Reading, book: PriceBook, wanted: RecordRange, after: Mark | None = None) -> Outcome:
    """What `rerate` would change. Raises Invalid."""
    rater = Rater(reading.organization_id, book, MarkUpBook(await reading.mark_ups()))
    _, mark = await _look(reading, rater, wanted, after)
    return Outcome(None, rater.by_model, mark)


async def rerate(unit: Unit, book: PriceBook, wanted: RecordRange, at_us: int, after: Mark | None = None) -> Outcome:
    """Post the differences of one step, from behind `after` on. Raises Invalid, PeriodClosed, AmountTooLarge."""
    await unit.lock(alone=True)
    begin_us = wanted.from_us if after is None else max(after[0], wanted.from_us)
    await check_open(unit, begin_us)
    rater = Rater(unit.organization_id, book, MarkUpBook(await unit.mark_ups()))
    changes, mark = await _look(unit, rater, wanted, after)
    if not changes:
        return Outcome(None, rater.by_model, mark)
    step = replace(wanted, from_us=begin_us, until_us=wanted.until_us if mark is None else mark[0] + 1)
    re_rating_id = new_id("rer")
    number = await unit.begin("re_rating", at_us, re_rating_id)
    lines = Lines(unit.organization_id)
    rerating.differences(changes, lines)
    await unit.add_adjustments([_adjustment(one, re_rating_id, number) for one in changes])
    midway()
    await unit.records.adjust(
        [(one.record, one.cost, one.charge, (one.after.cost is None) - (one.before.cost is None)) for one in changes]
    )
    await _respend(unit, changes, lines, at_us)
    await unit.enter(number, lines.posting())
    done = _summed(re_rating_id, unit.organization_id, step, at_us, rater)
    await unit.put_re_rating(done)
    unit.audit(audited.re_rating(done))
    return Outcome(done, rater.by_model, mark)


async def _look(
    reading: Reading, rater: Rater, wanted: RecordRange, after: Mark | None
) -> tuple[list[Changed], Mark | None]:
    """Those records of one step that change, and where the next one begins; the rater has counted all."""
    if wanted.until_us is not None and wanted.until_us <= wanted.from_us:
        raise Invalid.field("end", "out_of_order", "must be later than start")
    changes: list[Changed] = []
    left = STEP_RECORDS
    while records := await reading.records.following(wanted, after, min(left, _AT_ONCE)):
        latest = await reading.latest_adjustments([record.number for record in records])
        changes += rater.changed(records, latest)
        after = records[-1].occurred_at_us, records[-1].number
        left -= len(records)
        if left == 0:
            return changes, after
    return changes, None


async def _respend(unit: Unit, changes: list[Changed], lines: Lines, at_us: int) -> None:
    """What the records changed, budgets feel, in the periods that are open. Others will look at adjustments when they open."""
    uses = [_use(unit.organization_id, one) for one in changes]
    spendings = settlement.spendings(uses, await unit.budgets())
    for place, before in sorted((await unit.locked(list(spendings))).items()):
        spending = spendings[place]
        after = replace(before, spent=before.spent + spending.charge)
        if after == before:
            continue
        lines.spend(place, spending.charge)
        await unit.put_counters(after)
        await tell_crossings(unit, spending.budget, before, after, at_us)


def _use(organization_id: str, one: Changed) -> Use:
    record = one.record
    return Use(
        organization_id=organization_id,
        project_id=record.project_id,
        key_id=record.key_id,
        user_id=record.user_id,
        model=record.model,
        provider_id=record.provider_id,
        source="",
        budgets="",
        drawn=0,
        occurred_at_us=record.occurred_at_us,
        cost=one.cost,
        charge=one.charge,
    )


def _adjustment(one: Changed, re_rating_id: str, transaction: int) -> Adjustment:
    record = one.record
    return Adjustment(
        record=record.number,
        number=one.number,
        re_rating_id=re_rating_id,
        transaction=transaction,
        project_id=record.project_id,
        key_id=record.key_id,
        user_id=record.user_id,
        model=record.model,
        provider_id=record.provider_id,
        occurred_at_us=record.occurred_at_us,
        cost_before=one.before.cost,
        cost_after=one.after.cost,
        charge_before=one.before.charge,
        charge_after=one.after.charge,
        price_id=one.price_id,
    )


def _summed(re_rating_id: str, organization_id: str, wanted: RecordRange, at_us: int, rater: Rater) -> ReRating:
    whole = rerating.Tally()
    for tally in rater.by_model.values():
        whole.join(tally)
    return ReRating(
        id=re_rating_id,
        organization_id=organization_id,
        wanted=wanted,
        created_at_us=at_us,
        records=whole.records,
        adjusted=whole.adjusted,
        cost_before=whole.cost_before,
        cost_after=whole.cost_after,
        charge_before=whole.charge_before,
        charge_after=whole.charge_after,
    )
