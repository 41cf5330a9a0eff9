"""Usage's records as the ledger needs them, on a connection of its: the ledger's port `Records`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sqlalchemy import BigInteger, Integer, and_, delete, func, literal_column, or_, select, update

from headworks.ledger.contracts import RatedRecord, RecordSum, Sums
from headworks.usage.adapters.sql.rollups import SqlRollups, kept_from
from headworks.usage.adapters.sql.tags import Tags
from headworks.usage.adapters.tables import events, groups, rollups, subjects
from headworks.usage.domain.dimensions import TEXTS
from headworks.usage.domain.rollups import SECONDS, changed
from headworks.usage.domain.rows import BUCKETS
from headworks.usage.settings import TAG_VALUES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from sqlalchemy import ColumnElement, RowMapping, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.scopes import Scope
    from headworks.ledger.contracts import Period, RecordRange

    _AnySelect: TypeAlias = "Select[*tuple[Any, ...]]"

_AT_ONCE: Final = 500
"""Values in one statement: databases have a largest number of them."""
_SECOND_US: Final = 1_000_000
_SCOPES: Final = {
    "organization": subjects.c.organization_id,
    "project": subjects.c.project_id,
    "key": subjects.c.key_id,
    "user": subjects.c.user_id,
    "model": subjects.c.model,
}
_HALF: Final = 32
"""Bits: the halves of each amount are added apart, since a sum of whole ones may go beyond 64."""
_AMOUNTS: Final = {
    "cost": func.coalesce(events.c.cost_nanodollars, 0),
    "charge": func.coalesce(events.c.charge_nanodollars, 0),
}
_OF_DAYS: Final = {
    "cost": rollups["day"].c.cost_nanodollars,
    "charge": rollups["day"].c.charge_nanodollars,
}


def _sums() -> Iterator[ColumnElement[int]]:
    yield func.count().label("records")
    yield from _halves(_AMOUNTS)


def _halves(amounts: Mapping[str, ColumnElement[int]]) -> Iterator[ColumnElement[int]]:
    for name, amount in amounts.items():
        upper = amount.op(">>")(literal_column(str(_HALF), Integer))
        lower = amount.op("&")(literal_column(str(2**_HALF - 1), BigInteger))
        yield func.coalesce(func.sum(upper), 0).label(f"{name}_upper")
        yield func.coalesce(func.sum(lower), 0).label(f"{name}_lower")


def _summed(row: RowMapping) -> Sums:
    whole = {name: (int(row[f"{name}_upper"]) << _HALF) + int(row[f"{name}_lower"]) for name in _AMOUNTS}
    return Sums(int(row["records"]), **whole)


class SqlRecordTables:
    """Usage's records, on connections that others open."""

    def __init__(self, tag_values: int = TAG_VALUES) -> None:
        """`tag_values`: see `UsageSettings`."""
        self._tag_values = tag_values

    def of(self, connection: AsyncConnection, organization_id: str) -> SqlRecords:
        """Of one organisation."""
        return SqlRecords(connection, organization_id, self._tag_values)

    async def kept_from(self, connection: AsyncConnection) -> int:
        """Of the row that turns are taken by."""
        return await kept_from(connection)

    async def unsettled_owners(self, connection: AsyncConnection) -> list[str]:
        """By id."""
        found = (
            select(subjects.c.organization_id)
            .distinct()
            .join(events, events.c.subject_id == subjects.c.id)
            .where(events.c.transaction_id.is_(None))
        )
        return sorted((await connection.execute(found)).scalars())


class SqlRecords:
    """One organisation's."""

    def __init__(self, connection: AsyncConnection, organization_id: str, tag_values: int) -> None:
        self._connection = connection
        self._organization_id = organization_id
        self._tag_values = tag_values

    async def sum(self, scope: Scope, scope_id: str, period: Period) -> Sums:
        """Along the index on `occurred_at_us`."""
        wanted = self._mine(*_sums()).where(
            _SCOPES[scope] == scope_id,
            events.c.occurred_at_us >= period.start_us,
            events.c.transaction_id.is_not(None),
        )
        if period.end_us is not None:
            wanted = wanted.where(events.c.occurred_at_us < period.end_us)
        return _summed((await self._rows(wanted))[0])

    async def kept_from(self) -> int:
        """As of all."""
        return await kept_from(self._connection)

    async def sum_of_days(self, scope: Scope, scope_id: str, period: Period) -> Sums:
        """Along the index on `start_s`. Sums of a day are 64 bits; theirs are added up in halves, as those of records."""
        days = rollups["day"]
        starts_us = days.c.start_s * _SECOND_US
        wanted = (
            select(func.coalesce(func.sum(days.c.requests), 0).label("records"), *_halves(_OF_DAYS))
            .select_from(days)
            .join(groups, groups.c.id == days.c.group_id)
            .where(
                groups.c.organization_id == self._organization_id,
                groups.c[TEXTS[scope]] == scope_id,
                starts_us >= period.start_us,
            )
        )
        if period.end_us is not None:
            wanted = wanted.where(starts_us + SECONDS["day"] * _SECOND_US <= period.end_us)
        return _summed((await self._rows(wanted))[0])

    async def following(self, wanted: RecordRange, after: tuple[int, int] | None, limit: int) -> list[RatedRecord]:
        """Along the index on `occurred_at_us`."""
        statement = self._records().where(events.c.occurred_at_us >= wanted.from_us)
        if wanted.until_us is not None:
            statement = statement.where(events.c.occurred_at_us < wanted.until_us)
        for column in ("provider_id", "model", "upstream_model"):
            value = getattr(wanted, column)
            if value is not None:
                statement = statement.where(subjects.c[column] == value)
        if after is not None:
            at_us, number = after
            statement = statement.where(
                events.c.occurred_at_us >= at_us,
                or_(events.c.occurred_at_us > at_us, and_(events.c.occurred_at_us == at_us, events.c.id > number)),
            )
        rows = await self._rows(statement.order_by(events.c.occurred_at_us, events.c.id).limit(limit))
        return [_record(row) for row in rows]

    async def sums(self, transactions: Collection[int]) -> list[RecordSum]:
        """Along the index on `transaction_id`."""
        by = (events.c.transaction_id, subjects.c.project_id, subjects.c.key_id, subjects.c.provider_id)
        found: list[RecordSum] = []
        asked = list(transactions)
        for start in range(0, len(asked), _AT_ONCE):
            part = asked[start : start + _AT_ONCE]
            grouped = self._mine(*by, *_sums()).where(events.c.transaction_id.in_(part)).group_by(*by)
            found += [
                RecordSum(row["transaction_id"], row["project_id"], row["key_id"], row["provider_id"], _summed(row))
                for row in await self._rows(grouped)
            ]
        return found

    async def unsettled(self, limit: int) -> list[RatedRecord]:
        """The oldest numbers first."""
        wanted = self._records().where(events.c.transaction_id.is_(None)).order_by(events.c.id).limit(limit)
        return [_record(row) for row in await self._rows(wanted)]

    async def newest(self, transactions: Collection[int]) -> dict[int, int]:
        """Along the index on `transaction_id`."""
        found: dict[int, int] = {}
        asked = list(transactions)
        for start in range(0, len(asked), _AT_ONCE):
            among = events.c.transaction_id.in_(asked[start : start + _AT_ONCE])
            newest = func.max(events.c.occurred_at_us).label("newest")
            by = select(events.c.transaction_id, newest).where(among).group_by(events.c.transaction_id)
            found.update((row["transaction_id"], row["newest"]) for row in await self._rows(by))
        return found

    async def last_transaction(self) -> int | None:
        """By the primary key."""
        return await self._connection.scalar(select(events.c.transaction_id).order_by(events.c.id.desc()).limit(1))

    async def forget(self, transactions: Collection[int]) -> int:
        """Along the index on `transaction_id`."""
        asked, gone = list(transactions), 0
        for start in range(0, len(asked), _AT_ONCE):
            old = delete(events).where(events.c.transaction_id.in_(asked[start : start + _AT_ONCE]))
            gone += (await self._connection.execute(old)).rowcount
        return gone

    async def strays(self, first: int, last: int, known: Collection[int]) -> int:
        """Along the index on `transaction_id`."""
        wanted = self._mine(func.count()).where(events.c.transaction_id.between(first, last))
        if known:
            wanted = wanted.where(events.c.transaction_id.not_in(list(known)))
        return await self._connection.scalar(wanted) or 0

    async def settle(self, numbers: Collection[int], transaction: int) -> None:
        """Their costs were not rounded twice: a charge without a mark-up is the cost. Roll-ups are made anew: they had none."""
        sums = self._rollups()
        await sums.turn(alone=False)
        asked = list(numbers)
        for start in range(0, len(asked), _AT_ONCE):
            part = asked[start : start + _AT_ONCE]
            settled = update(events).where(events.c.id.in_(part), events.c.transaction_id.is_(None))
            await self._connection.execute(
                settled.values(transaction_id=transaction, charge_nanodollars=events.c.cost_nanodollars)
            )
            times = await self._connection.execute(select(events.c.occurred_at_us).where(events.c.id.in_(part)))
            await sums.ask_anew({at_us // _SECOND_US for (at_us,) in times})

    async def adjust(self, changes: Iterable[tuple[RatedRecord, int, int, int]]) -> None:
        """Into the roll-ups."""
        await self._rollups().change(
            {record.number: changed(cost, charge, unpriced) for record, cost, charge, unpriced in changes}
        )

    def _rollups(self) -> SqlRollups:
        return SqlRollups(self._connection, Tags(self._connection, self._tag_values))

    def _mine(self, *columns: Any) -> _AnySelect:  # noqa: ANN401 - columns of any kind
        return (
            select(*columns)
            .select_from(events)
            .join(subjects, subjects.c.id == events.c.subject_id)
            .where(subjects.c.organization_id == self._organization_id)
        )

    def _records(self) -> _AnySelect:
        return self._mine(events, *(column for column in subjects.c if column.name != "id"))

    async def _rows(self, statement: _AnySelect) -> list[RowMapping]:
        return list((await self._connection.execute(statement)).mappings())


def _record(row: RowMapping) -> RatedRecord:
    return RatedRecord(
        number=row["id"],
        project_id=row["project_id"],
        key_id=row["key_id"],
        user_id=row["user_id"],
        model=row["model"],
        provider_id=row["provider_id"],
        upstream_model=row["upstream_model"],
        succeeded=row["outcome"] == "success",
        occurred_at_us=row["occurred_at_us"],
        units=tuple(row[bucket] for bucket in BUCKETS),
        price_id=row["price_id"],
        cost=row["cost_nanodollars"],
        charge=row["charge_nanodollars"],
        transaction=row["transaction_id"],
    )
