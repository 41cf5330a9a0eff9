"""From the events of a batch to rows: screened, rated, and with what they share said once."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from headworks.dataplane.events import FIRST_FIELDS, UsageEvent
from headworks.ledger.contracts import amounts_of
from headworks.usage.domain.rows import BUCKETS, OWN, Shared, Subject
from headworks.usage.domain.screening import Unfit, screen_own, screen_shared

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headworks.catalog.contracts import PriceBook
    from headworks.ledger.contracts import MarkUpBook
    from headworks.usage.domain.rows import Own, Row

_FIELDS = UsageEvent._fields
_shared_of: Callable[[Sequence[object]], tuple[str, ...]] = itemgetter(
    *(_FIELDS.index(name) for name in Shared._fields)
)
_own_of: Callable[[Sequence[object]], Own] = itemgetter(*(_FIELDS.index(name) for name in OWN))
_ADDED_SINCE = tuple(UsageEvent._field_defaults[name] for name in _FIELDS[FIRST_FIELDS:])
_OCCURRED_AT = OWN.index("occurred_at_us")
_BUCKETS = slice(OWN.index(BUCKETS[0]), None)


class _Group:
    """Events of a batch that share everything in `Shared`. What they share is looked at once."""

    __slots__ = ("_by_price", "mark_up_at", "price_at", "shared", "succeeded")

    def __init__(self, shared: Shared, book: PriceBook, mark_ups: MarkUpBook) -> None:
        self.shared = shared
        self.succeeded = shared.outcome == "success"
        self.price_at = book.timeline(shared.provider_id, shared.upstream_model)
        self.mark_up_at = mark_ups.timeline(shared.organization_id)
        self._by_price: dict[str | None, Subject] = {}

    def subject(self, price_id: str | None) -> Subject:
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
        if len(event) == FIRST_FIELDS:
            event = (*event, *_ADDED_SINCE)
        if len(event) != len(_FIELDS):
            raise Unfit(f"it has {len(event)} fields, not {len(_FIELDS)}")
        group = self._group(_shared_of(event))
        own = _own_of(event)
        if not usual:
            own = screen_own(own, self._received_at_us, self._kept_from_us)
        at_us = own[_OCCURRED_AT]
        price = group.price_at(at_us)
        rates = None if price is None else price.rates
        cost, charge = amounts_of(own[_BUCKETS], rates, group.mark_up_at(at_us), succeeded=group.succeeded)
        subject = group.subject(price.id if price is not None and cost is not None else None)
        return subject, (*own, cost, charge, self._received_at_us)

    def _group(self, shared: tuple[str, ...]) -> _Group:
        try:
            found = self._groups.get(shared)
        except TypeError:
            raise Unfit("a text is not a text") from None
        if found is None:
            found = self._groups[shared] = _Group(screen_shared(shared), self._book, self._mark_ups)
        return found
