"""The statements of one report, on the roll-ups of one grain."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sqlalchemy import BigInteger, Integer, and_, case, func, literal_column, select

from headworks.usage.adapters.tables import group_tags, groups, rollups
from headworks.usage.contracts import Figures, ReportRow
from headworks.usage.domain.dimensions import TAG, TEXTS, TIMES
from headworks.usage.domain.figures import FIGURES
from headworks.usage.domain.rollups import SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, FromClause, Select

    from headworks.kernel.pagination import PageRequest
    from headworks.usage.ports import ReportFilter

    _AnySelect: TypeAlias = "Select[*tuple[Any, ...]]"

_HALF: Final = 32
"""Bits: on SQLite the halves of each counter are added apart. A sum of whole ones may go beyond 64 bits, where it gives up;
PostgreSQL, MariaDB and MySQL add up to decimals, which are exact whatever their size."""
_SHIFT: Final = literal_column(str(_HALF), Integer)
_MASK: Final = literal_column(str(2**_HALF - 1), BigInteger)
_BEFORE: Final = "before_"


class Reporting:
    """What is asked, as SQL."""

    def __init__(self, wanted: ReportFilter, group_by: Sequence[str], dialect: str) -> None:
        """`dialect` is SQLAlchemy's name."""
        self._wanted = wanted
        self._group_by = group_by
        self._halves = dialect == "sqlite"
        self._rollup = rollups[wanted.grain]
        self._from: FromClause = self._rollup.join(groups, groups.c.id == self._rollup.c.group_id)
        self._columns = [self._column(dimension).label(f"by_{place}") for place, dimension in enumerate(group_by)]

    def rows(self, page: PageRequest) -> _AnySelect:
        """One page."""
        rows = self._chosen(*self._columns, *self._sums()).group_by(*self._columns)
        return rows.order_by(*self._order(page)).limit(page.per_page).offset(page.offset)

    def count(self) -> _AnySelect:
        """How many rows there are. Without a dimension there is one, even of nothing: SQL's empty GROUP BY says so too."""
        every = self._chosen(*self._columns, func.count().label("records")).group_by(*self._columns)
        return select(func.count()).select_from(every.subquery())

    def whole(self) -> _AnySelect:
        """All that was asked for."""
        return self._chosen(*self._sums())

    def row(self, row: Mapping[Any, Any]) -> ReportRow:
        """Of `rows`."""
        values = tuple(row[f"by_{place}"] for place in range(len(self._group_by)))
        # SQL's whole numbers may come as decimals.
        times = {place for place, name in enumerate(self._group_by) if name in TIMES}
        whole = tuple(int(value) if place in times else value for place, value in enumerate(values))
        previous = None if self._wanted.previous_from_s is None else self._figures(row, _BEFORE)
        return ReportRow(whole, self._figures(row, ""), previous)

    def row_of_all(self, row: Mapping[Any, Any]) -> ReportRow:
        """Of `whole`."""
        previous = None if self._wanted.previous_from_s is None else self._figures(row, _BEFORE)
        return ReportRow((), self._figures(row, ""), previous)

    def _column(self, dimension: str) -> ColumnElement[Any]:
        if dimension in TEXTS:
            return groups.c[TEXTS[dimension]]
        if dimension.startswith(TAG):
            tag = group_tags.alias()
            mine = and_(tag.c.group_id == self._rollup.c.group_id, tag.c.name == dimension.removeprefix(TAG))
            self._from = self._from.outerjoin(tag, mine)
            return tag.c.value
        start: ColumnElement[int] = self._rollup.c.start_s
        if dimension == "day":
            start = start + self._ahead()
        # Numbers of ours, written out: the same expression has to be the same text wherever it stands.
        return start - start % literal_column(str(SECONDS[dimension]), BigInteger)  # type: ignore[index]

    def _ahead(self) -> ColumnElement[int]:
        """By how many seconds clocks are ahead of UTC."""
        (_, first), *later = self._wanted.offsets
        if not later:
            return literal_column(str(int(first)), BigInteger)
        since: list[tuple[Any, Any]] = [
            (self._rollup.c.start_s >= literal_column(str(int(at)), BigInteger), literal_column(str(int(seconds))))
            for at, seconds in reversed(later)
        ]
        return case(*since, else_=literal_column(str(int(first))))

    def _chosen(self, *columns: ColumnElement[Any]) -> _AnySelect:
        wanted, rollup = self._wanted, self._rollup
        first = wanted.from_s if wanted.previous_from_s is None else wanted.previous_from_s
        chosen = select(*columns).select_from(self._from)
        chosen = chosen.where(rollup.c.start_s >= first, rollup.c.start_s < wanted.until_s)
        if wanted.organization_id is not None:
            chosen = chosen.where(groups.c.organization_id == wanted.organization_id)
        for dimension, value in wanted.equal:
            chosen = chosen.where(groups.c[TEXTS[dimension]] == value)
        for name, value in wanted.tags:
            tag = group_tags.alias()
            has = select(tag.c.group_id).where(tag.c.group_id == groups.c.id, tag.c.name == name, tag.c.value == value)
            chosen = chosen.where(has.exists())
        return chosen

    def _sums(self) -> Iterator[ColumnElement[Any]]:
        if self._wanted.previous_from_s is None:
            yield from self._summed("", None)
            return
        now = self._rollup.c.start_s >= literal_column(str(int(self._wanted.from_s)), BigInteger)
        yield from self._summed("", now)
        yield from self._summed(_BEFORE, ~now)

    def _summed(self, prefix: str, when: ColumnElement[bool] | None) -> Iterator[ColumnElement[Any]]:
        for figure, names in FIGURES.items():
            counters = [self._rollup.c[name] for name in names]
            if not self._halves:
                yield reduce(add, (_total(counter, when) for counter in counters)).label(f"{prefix}{figure}")
                continue
            upper = reduce(add, (counter.op(">>")(_SHIFT) for counter in counters))
            lower = reduce(add, (counter.op("&")(_MASK) for counter in counters))
            yield _total(upper, when).label(f"{prefix}{figure}_upper")
            yield _total(lower, when).label(f"{prefix}{figure}_lower")

    def _figures(self, row: Mapping[Any, Any], prefix: str) -> Figures:
        if not self._halves:
            return Figures(**{name: int(row[f"{prefix}{name}"]) for name in FIGURES})
        return Figures(
            **{name: (row[f"{prefix}{name}_upper"] << _HALF) + row[f"{prefix}{name}_lower"] for name in FIGURES}
        )

    def _order(self, page: PageRequest) -> list[ColumnElement[Any]]:
        by: list[ColumnElement[Any]] = [
            part.desc() if order.descending else part.asc() for order in page.sort for part in self._ranked(order.field)
        ]
        places = list(zip(self._group_by, self._columns, strict=True))
        by += [column.desc() for name, column in reversed(places) if name in TIMES]
        for name, column in places:
            if name.startswith(TAG):
                # Databases do not agree on where what is not there comes.
                by.append(case((column.element.is_(None), 1), else_=0))
            if name not in TIMES:
                by.append(column.asc())
        return by

    def _ranked(self, figure: str) -> Iterator[ColumnElement[Any]]:
        counters = [self._rollup.c[name] for name in FIGURES[figure]]
        now = None
        if self._wanted.previous_from_s is not None:
            now = self._rollup.c.start_s >= literal_column(str(int(self._wanted.from_s)), BigInteger)
        if not self._halves:
            yield reduce(add, (_total(counter, now) for counter in counters))
            return
        upper = _total(reduce(add, (counter.op(">>")(_SHIFT) for counter in counters)), now)
        lower = _total(reduce(add, (counter.op("&")(_MASK) for counter in counters)), now)
        # What the lower halves carry over decides before what is left of them.
        yield upper + lower.op(">>")(_SHIFT)
        yield lower.op("&")(_MASK)


def _total(amount: ColumnElement[int], when: ColumnElement[bool] | None) -> ColumnElement[int]:
    counted = amount if when is None else case((when, amount), else_=literal_column("0"))
    return func.coalesce(func.sum(counted), 0)
