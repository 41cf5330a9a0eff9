"""From the events of a batch to rows: screened, rated, and with what they share said once."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from headworks.dataplane.events import FIRST_FIELDS, UsageEvent
from headworks.ledger.contracts import amounts_of
from headworks.usage.domain.rows import BUCKETS, OWN, Shared, Subject
from headworks.usage.domain.screening import Unfit, screen_own, screen_shared

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headworks.catalog.contracts import PriceBook, Rates
    from headworks.ledger.contracts import MarkUpBook
    from headworks.usage.domain.rows import Own, Row

_FIELDS = UsageEvent._fields
_FIELD_COUNT = len(_FIELDS)
_shared_of: Callable[[Sequence[object]], tuple[str, ...]] = itemgetter(
    *(_FIELDS.index(name) for name in Shared._fields)
)
_own_of: Callable[[Sequence[object]], Own] = itemgetter(*(_FIELDS.index(name) for name in OWN))
_ADDED_SINCE = tuple(UsageEvent._field_defaults[name] for name in _FIELDS[FIRST_FIELDS:])
_OCCURRED_AT = OWN.index("occurred_at_us")
_BUCKETS = slice(OWN.index(BUCKETS[0]), None)


class _Terms(NamedTuple):
    """What rates events of a group from a moment (inclusive) until another one (exclusive), in UTC microseconds."""

    from_us: int
    until_us: int
    rates: Rates | None
    markup_ppm: int
    priced: Subject
    unpriced: Subject
    """Of what used something that these rates have none for."""


class _Group:
    """Events of a batch that share everything in `Shared`. What they share is looked at once."""

    __slots__ = ("_book", "_by_price", "_mark_ups", "shared", "succeeded", "terms")

    def __init__(self, shared: Shared, book: PriceBook, mark_ups: MarkUpBook) -> None:
        self.shared = shared
        self.succeeded = shared.outcome == "success"
        self.terms: _Terms | None = None
        self._book = book
        self._mark_ups = mark_ups.timeline(shared.organization_id)
        self._by_price: dict[str | None, Subject] = {}

    def terms_at(self, at_us: int) -> _Terms:
        """Of the moment, and of those around it."""
        price = self._book.stretch(self.shared.provider_id, self.shared.upstream_model, at_us)
        mark_up = self._mark_ups.stretch(at_us)
        self.terms = _Terms(
            max(price.from_us, mark_up.from_us),
            min(price.until_us, mark_up.until_us),
            None if price.value is None else price.value.rates,
            mark_up.value,
            self._subject(None if price.value is None else price.value.id),
            self._subject(None),
        )
        return self.terms

    def _subject(self, price_id: str | None) -> Subject:
        found = self._by_price.get(price_id)
        if found is None:
            found = self._by_price[price_id] = Subject(self.shared, price_id)
        return found


class Intake:
    """Takes the events of one batch."""

    def __init__(self, book: PriceBook, mark_ups: MarkUpBook, received_at_us: int, kept_from_us: int = 0) -> None:
        """`received_at_us` is the present, in UTC microseconds; what began before `kept_from_us` is not taken."""
        self._book = book
        self._mark_ups = mark_ups
        self._received_at_us = received_at_us
        self._kept_from_us = kept_from_us
        self._groups: dict[tuple[str, ...], _Group] = {}

    def take(self, event: Sequence[object], *, usual: bool = False) -> Row:
        """The event's row. Price and mark-up are those that held when it happened. Raises Unfit.

        `usual` is one of a batch that `are_usual`.
        """
        if len(event) != _FIELD_COUNT:
            event = _completed(event)
        group = self._group(_shared_of(event))
        own = _own_of(event)
        if not usual:
            own = screen_own(own, self._received_at_us, self._kept_from_us)
        at_us = own[_OCCURRED_AT]
        terms = group.terms
        if terms is None or not terms.from_us <= at_us < terms.until_us:
            terms = group.terms_at(at_us)
        cost, charge = amounts_of(own[_BUCKETS], terms.rates, terms.markup_ppm, succeeded=group.succeeded)
        subject = terms.unpriced if cost is None else terms.priced
        return subject, (*own, cost, charge, self._received_at_us)

    def _group(self, shared: tuple[str, ...]) -> _Group:
        try:
            found = self._groups.get(shared)
        except TypeError:
            raise Unfit("a text is not a text") from None
        if found is None:
            found = self._groups[shared] = _Group(screen_shared(shared), self._book, self._mark_ups)
        return found


def _completed(event: Sequence[object]) -> Sequence[object]:
    if len(event) != FIRST_FIELDS:
        raise Unfit(f"it has {len(event)} fields, not {_FIELD_COUNT}")
    return (*event, *_ADDED_SINCE)
