"""Rating the past anew: what a record comes to by today's price book, and what that changes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.ledger.contracts import Amounts, amounts_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headworks.catalog.contracts import PriceBook
    from headworks.ledger.contracts import Adjustment, MarkUpBook, RatedRecord
    from headworks.ledger.domain.postings import Lines


@dataclass(frozen=True, slots=True)
class Changed:
    """A record whose amounts are others now."""

    record: RatedRecord
    before: Amounts
    after: Amounts
    price_id: str | None
    number: int
    """Of the adjustment that it gets."""

    @property
    def cost(self) -> int:
        """By how much; what had no price counted as nothing."""
        return (self.after.cost or 0) - (self.before.cost or 0)

    @property
    def charge(self) -> int:
        """As `cost`."""
        return (self.after.charge or 0) - (self.before.charge or 0)


@dataclass(slots=True)
class Tally:
    """Of one model: how many records there are, and what those that change came to and will come to."""

    records: int = 0
    adjusted: int = 0
    cost_before: int = 0
    cost_after: int = 0
    charge_before: int = 0
    charge_after: int = 0
    unpriced_before: int = 0
    unpriced_after: int = 0

    def add(self, before: Amounts, after: Amounts) -> None:
        """One record."""
        self.records += 1
        self.adjusted += before != after
        self.cost_before += before.cost or 0
        self.cost_after += after.cost or 0
        self.charge_before += before.charge or 0
        self.charge_after += after.charge or 0
        self.unpriced_before += before.cost is None
        self.unpriced_after += after.cost is None

    def join(self, other: Tally) -> None:
        """Another one's figures too."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Rater:
    """Rates records of one organisation."""

    def __init__(self, organization_id: str, book: PriceBook, mark_ups: MarkUpBook) -> None:
        self._book = book
        self._mark_ups = mark_ups.timeline(organization_id)
        self.by_model: defaultdict[str, Tally] = defaultdict(Tally)

    def changed(self, records: Iterable[RatedRecord], latest: dict[int, Adjustment]) -> list[Changed]:
        """Those that come to something else than they do now; `latest` are their newest adjustments, by record."""
        found = []
        for record in records:
            earlier = latest.get(record.number)
            before = (
                Amounts(record.cost, record.charge)
                if earlier is None
                else Amounts(earlier.cost_after, earlier.charge_after)
            )
            after, price_id = self._rate(record)
            self.by_model[record.model].add(before, after)
            if after != before:
                number = 1 if earlier is None else earlier.number + 1
                found.append(Changed(record, before, after, price_id, number))
        return found

    def _rate(self, record: RatedRecord) -> tuple[Amounts, str | None]:
        price = self._book.find(record.provider_id, record.upstream_model, record.occurred_at_us)
        markup_ppm = self._mark_ups.at(record.occurred_at_us)
        rates = None if price is None else price.rates
        amounts = amounts_of(record.units, rates, markup_ppm, succeeded=record.succeeded)
        return amounts, price.id if price is not None and amounts.cost is not None else None


def differences(changes: Iterable[Changed], into: Lines) -> None:
    """What the journal gets."""
    for one in changes:
        record = one.record
        into.charge(record.project_id, record.key_id, record.provider_id, cost=one.cost, charge=one.charge)
