"""What usage needs from outside: a store, prices from the catalog, names from identity and the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import date, datetime

    from headworks.catalog.contracts import PriceBook
    from headworks.kernel.pagination import Page, PageRequest
    from headworks.ledger.contracts import Adjustment, MarkUpBook, Use
    from headworks.usage.contracts import ReportRow, UsageRecord
    from headworks.usage.domain.exporting import Column, Line
    from headworks.usage.domain.rollups import Compared, Grain, Slot, Sums
    from headworks.usage.domain.rows import Row


class Prices(Protocol):
    """Filled by the catalog's facade."""

    async def price_book(self) -> PriceBook:
        """Every price, to be asked without waiting. Raises Unavailable."""


class Names(Protocol):
    """Filled by bootstrap from identity and the catalog."""

    async def names(self, organization_id: str | None, dimension: str, ids: frozenset[str]) -> dict[str, str]:
        """The names, by id, of those that exist: of an organisation's projects, keys, users and providers; of organisations.

        Raises Unavailable.
        """


class Backlog(Protocol):
    """Filled by bootstrap from the engine."""

    def waiting(self) -> int | None:
        """How many records the spool holds that are not stored yet; None where nobody knows."""


class Tables(Protocol):
    """Files that hold a table, other than text."""

    def parquet(self, columns: Sequence[Column], lines: AsyncIterator[Sequence[Line]]) -> AsyncIterator[bytes]:
        """The file, piece by piece, as its lines come. Raises ParquetMissing, at once."""


class Books(Protocol):
    """The ledger's part of a transaction that stores usage."""

    async def begin(self, owners: Collection[str], at_us: int) -> Mapping[str, int]:
        """The numbers of the ledger's transactions for each organisation's records to name."""

    async def settle(self, numbers: Mapping[str, int], uses: Iterable[Use], at_us: int) -> None:
        """Enter what those records come to, once they are stored. Raises AmountTooLarge."""

    def note_rebuild(self, organization_id: str, first: date, last: date) -> None:
        """For the audit trail: somebody of that organisation has the sums of these days made anew, the last included."""

    def committed(self) -> None:
        """All of it is committed."""


class Bookkeeper(Protocol):
    """Filled by the ledger's facade."""

    async def mark_up_book(self) -> MarkUpBook:
        """Everybody's mark-ups, to be asked without waiting. Raises Unavailable."""

    async def adjustments(self, organization_id: str, records: Collection[int]) -> Mapping[int, Adjustment]:
        """The newest of each of the records that was rated anew, by its sequence. Raises Unavailable."""

    async def adjusted(self, from_us: int, until_us: int) -> Sequence[Adjustment]:
        """What re-ratings changed, of records of that time and every organisation. Raises Unavailable."""

    async def note_export(self, organization_id: str, name: str) -> None:
        """For the audit trail: somebody has usage put into the object store. Raises Unavailable."""

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
    """Which roll-ups to report."""

    organization_id: str | None
    """None for all of them."""
    grain: Grain
    """Of the roll-ups that are added up."""
    from_s: int
    """Seconds since 1970, as all times here; at the beginning of a roll-up."""
    until_s: int
    """Not included."""
    equal: tuple[tuple[str, str | int], ...] = ()
    """Dimensions (see `domain.dimensions.TEXTS`), and what they must be."""
    tags: tuple[tuple[str, str], ...] = ()
    """Tags that requests must have, by name."""
    offsets: tuple[tuple[int, int], ...] = ((0, 0),)
    """From which time on clocks are ahead of UTC by how many seconds, the earliest first: for days."""
    previous_from_s: int | None = None
    """Where the period before begins, if that is wanted; it ends where this one begins."""


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
    project_id: str | None = None
    user_id: str | None = None
    provider_id: str | None = None
    contradicted: bool | None = None
    """Whether the provider's count contradicts what was delivered."""


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

    async def add_sums(self, minutes: Mapping[Slot, Sums]) -> None:
        """Add to the roll-ups of every grain. Raises RowsRefused when a sum no longer fits."""

    async def kept_from(self) -> int:
        """Nothing that began before this is added or made anew any more (UTC microseconds, 0 in the beginning).

        Until the transaction ends it stays what it is.
        """

    async def keep_from(self, at_us: int) -> bool:
        """Move that on. False where something from before is still to be made anew or settled. First be `alone`."""

    async def ask_anew(self, seconds: Collection[int]) -> None:
        """The days of these seconds since 1970 are to be made anew from their records, whole."""

    async def alone(self) -> None:
        """Until the transaction ends nobody else adds to roll-ups."""

    async def asked(self) -> tuple[int, int] | None:
        """The newest day that is to be made anew, by its first second, and the hour of it that is next. First be `alone`."""

    async def make_hour(self, day_s: int, hour: int, adjusted: Mapping[int, Sums], *, minutes_kept: bool) -> None:
        """Make it from its records and what re-ratings changed in them, by their number; it is no longer asked for.

        With the last hour the day is made too. First be `alone`.
        """

    async def compare(self, hour_s: int, adjusted: Mapping[int, Sums], *, minutes_kept: bool) -> Compared:
        """How far the roll-ups of an hour and its day are from what `make_hour` would make. First be `alone`."""

    async def forget(self, grain: Grain, before_s: int, seconds: int) -> int:
        """Delete roll-ups from before then: the oldest, as many as begin within so many seconds. How many it were."""

    async def put_aside(self, rejections: Iterable[Rejection]) -> None:
        """Keep events that cannot be stored as records. One that is there already stays."""


class UsageReading(Protocol):
    """Reads of one moment."""

    async def report(
        self, wanted: ReportFilter, group_by: Sequence[str], page: PageRequest
    ) -> tuple[Page[ReportRow], ReportRow]:
        """Rows, and the whole of what was asked for. `group_by` is of `domain.dimensions`, in their order.

        Sorted by figures as the page says, then the newest time first, then by the other dimensions.
        """

    async def window(
        self, organization_id: str, dimension: str, value: str, unit: str, since_s: int
    ) -> list[tuple[int, int]]:
        """By minute, from the one that holds `since_s` on: its first second, and what was used of a limit's unit."""

    async def pending_days(self) -> list[int]:
        """Days that are to be made anew, by their first second."""

    async def kept_from(self) -> int:
        """As `UsageUnit.kept_from`."""

    async def first_day(self) -> int | None:
        """Of all records that are kept, by its first second."""

    async def records(self, wanted: RecordFilter, after: tuple[int, int] | None, limit: int) -> list[UsageRecord]:
        """The newest first; `after` is (occurred_at_us, sequence) of the last one that was seen."""

    async def stored(self, source: str, event_ids: Sequence[str]) -> int:
        """How many of these records of a spool there are."""

    async def newest_received_us(self) -> int | None:
        """When the newest record was stored; None before the first."""

    async def rejected(self) -> int:
        """How many events were put aside."""

    async def rejections(self, after: tuple[int, str] | None, limit: int) -> list[Rejection]:
        """The newest first, by digest within a microsecond; `after` is (rejected at, in microseconds, and digest) of the last one seen."""


class UsageStore(Protocol):
    """Where usage is kept."""

    @property
    def bookkeeper(self) -> Bookkeeper:
        """Who settles what is stored."""

    def transaction(self) -> AbstractAsyncContextManager[UsageUnit]:
        """Commits at the end of the block, unless it raises. Raises DatabaseUnavailable, TransactionLost.

        Others may write at the same time: what was looked up may no longer hold when the block writes.
        """

    def read(self, organization_id: str | None) -> AbstractAsyncContextManager[UsageReading]:
        """Look-ups only, for one organisation, or for all of them. Raises DatabaseUnavailable."""

    async def make_partitions(self, at: datetime) -> Sequence[str]:
        """Where records of each month lie apart, those that records of now and soon go to; the names of the new ones.

        A record is stored without, too. Safe to repeat. Raises DatabaseUnavailable.
        """

    async def drop_partitions(self, before_us: int) -> Sequence[str]:
        """Those of months that were over by then and that hold nothing any more; their names. Raises DatabaseUnavailable."""
