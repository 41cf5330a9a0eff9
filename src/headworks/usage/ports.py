"""What usage needs from outside: a store, prices from the catalog, names of keys from identity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import date, datetime

    from headworks.catalog.contracts import PriceBook
    from headworks.kernel.pagination import Page, PageRequest
    from headworks.ledger.contracts import Adjustment, MarkUpBook, Use
    from headworks.usage.contracts import Dimension, Figures, ReportRow, UsageRecord
    from headworks.usage.domain.rows import Row
    from headworks.usage.domain.totals import Group


class Prices(Protocol):
    """Filled by the catalog's facade."""

    async def price_book(self) -> PriceBook:
        """Every price, to be asked without waiting. Raises Unavailable."""


class KeyNames(Protocol):
    """Filled by identity's facade."""

    async def key_names(self, organization_id: str, key_ids: frozenset[str]) -> dict[str, str]:
        """The names of those keys that exist, by id."""


class Books(Protocol):
    """The ledger's part of a transaction that stores usage."""

    async def begin(self, organization_id: str, at_us: int) -> int:
        """The number of a transaction of the ledger, for the organisation's records to name."""

    async def settle(self, organization_id: str, number: int, uses: Sequence[Use], at_us: int) -> None:
        """Enter what those records come to, once they are stored. Raises AmountTooLarge."""

    def committed(self) -> None:
        """All of it is committed."""


class Bookkeeper(Protocol):
    """Filled by the ledger's facade."""

    async def mark_up_book(self) -> MarkUpBook:
        """Everybody's mark-ups, to be asked without waiting. Raises Unavailable."""

    async def adjustments(self, organization_id: str, records: Collection[int]) -> Mapping[int, Adjustment]:
        """The newest of each of the records that was rated anew, by its sequence. Raises Unavailable."""

    def joining(self, transaction: object) -> AbstractAsyncContextManager[Books]:
        """Take part in a transaction of the store's, from inside of it."""


class AlreadyThere(Exception):
    """Some of the rows are stored already."""


class RowsRefused(Exception):
    """The store does not take these rows, because of what is in one of them. Repeating it changes nothing."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """An event that was put aside, and why."""

    digest: str
    """SHA-256 (hex) of the event's text, so that a redelivered one is put aside once."""
    reason: str
    event: str
    """As text, cut to a sane length."""
    rejected_at: datetime


@dataclass(frozen=True, slots=True)
class ReportFilter:
    """Which totals to report. Days are UTC, both included; None takes all."""

    organization_id: str
    first_day: date
    last_day: date
    key_id: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records to list. Times are UTC microseconds, from the first (included) to the last (not included)."""

    organization_id: str
    from_us: int | None = None
    before_us: int | None = None
    key_id: str | None = None
    model: str | None = None
    outcome: str | None = None
    event_id: str | None = None


class UsageUnit(Protocol):
    """One transaction."""

    @property
    def books(self) -> Books:
        """The ledger's part of it."""

    async def add_rows(self, rows: Sequence[Row], transactions: Mapping[str, int]) -> None:
        """`transactions` are those of the ledger that settle them, by organisation.

        Raises AlreadyThere when one is there, or twice among them, by (source, event_id); and RowsRefused.

        After either the transaction is good for nothing but to be rolled back.
        """

    async def present(self, rows: Iterable[Row]) -> Collection[tuple[str, str]]:
        """Which of the rows' (source, event_id) are there already."""

    async def add_totals(self, totals: Mapping[Group, tuple[int, ...]]) -> None:
        """Add sums, in the order of `COUNTERS`, to what is there. Raises RowsRefused when a sum no longer fits."""

    async def put_aside(self, rejections: Iterable[Rejection]) -> None:
        """Keep events that cannot be stored as records. One that is there already stays."""


class UsageReading(Protocol):
    """Reads of one moment."""

    async def report(
        self, wanted: ReportFilter, group_by: Sequence[Dimension], page: PageRequest
    ) -> tuple[Page[ReportRow], Figures]:
        """Rows in the order of their groups, the newest day first; and the figures of all that was asked for."""

    async def records(self, wanted: RecordFilter, after: tuple[int, int] | None, limit: int) -> list[UsageRecord]:
        """The newest first; `after` is (occurred_at_us, sequence) of the last one that was seen."""

    async def newest_received_us(self) -> int | None:
        """When the newest record was stored; None before the first."""

    async def rejected(self) -> int:
        """How many events were put aside."""


class UsageStore(Protocol):
    """Where usage is kept."""

    @property
    def bookkeeper(self) -> Bookkeeper:
        """Who settles what is stored."""

    def transaction(self) -> AbstractAsyncContextManager[UsageUnit]:
        """Commits at the end of the block, unless it raises. Raises DatabaseUnavailable, TransactionLost.

        Others may write at the same time: what was looked up may no longer hold when the block writes.
        """

    def read(self) -> AbstractAsyncContextManager[UsageReading]:
        """Look-ups only. Raises DatabaseUnavailable."""
