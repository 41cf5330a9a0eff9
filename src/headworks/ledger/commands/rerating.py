"""Rate the past anew: post what other prices and mark-ups change. No record is touched, and doing it twice changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from headworks.kernel.errors import Invalid
from headworks.kernel.fail_point import midway
from headworks.kernel.ids import new_id
from headworks.ledger.commands.alerts import tell_crossings
from headworks.ledger.commands.closing import check_open
from headworks.ledger.contracts import Adjustment, MarkUpBook, ReRating, Use
from headworks.ledger.domain import audited, rerating, settlement
from headworks.ledger.domain.postings import Lines
from headworks.ledger.domain.rerating import Rater
from headworks.ledger.errors import TooManyRecords

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headworks.catalog.contracts import PriceBook
    from headworks.ledger.contracts import RecordRange
    from headworks.ledger.domain.rerating import Changed, Tally
    from headworks.ledger.ports import Reading, Unit

MOST_RECORDS: Final = 100_000
"""What one transaction rates anew; the organisation's usage is not stored meanwhile."""
_AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a re-rating changes, or has changed."""

    re_rating: ReRating | None
    """None where nothing was posted: for a preview, and where nothing changes."""
    by_model: Mapping[str, Tally]


async def preview(reading: Reading, book: PriceBook, wanted: RecordRange) -> Outcome:
    """What `rerate` would change. Raises Invalid, TooManyRecords."""
    rater = Rater(reading.organization_id, book, MarkUpBook(await reading.mark_ups()))
    await _look(reading, rater, wanted)
    return Outcome(None, rater.by_model)


async def rerate(unit: Unit, book: PriceBook, wanted: RecordRange, at_us: int) -> Outcome:
    """Post the differences. Raises Invalid, PeriodClosed, TooManyRecords, AmountTooLarge."""
    await unit.lock(alone=True)
    await check_open(unit, wanted.from_us)
    rater = Rater(unit.organization_id, book, MarkUpBook(await unit.mark_ups()))
    changes = await _look(unit, rater, wanted)
    if not changes:
        return Outcome(None, rater.by_model)
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
    done = _summed(re_rating_id, unit.organization_id, wanted, at_us, rater)
    await unit.put_re_rating(done)
    unit.audit(audited.re_rating(done))
    return Outcome(done, rater.by_model)


async def _look(reading: Reading, rater: Rater, wanted: RecordRange) -> list[Changed]:
    """Those records that change; the rater has counted all."""
    if wanted.until_us is not None and wanted.until_us <= wanted.from_us:
        raise Invalid.field("end", "out_of_order", "must be later than start")
    after: tuple[int, int] | None = None
    changes: list[Changed] = []
    seen = 0
    while records := await reading.records.following(wanted, after, _AT_ONCE):
        seen += len(records)
        if seen > MOST_RECORDS:
            raise TooManyRecords(MOST_RECORDS)
        latest = await reading.latest_adjustments([record.number for record in records])
        changes += rater.changed(records, latest)
        after = records[-1].occurred_at_us, records[-1].number
    return changes


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
