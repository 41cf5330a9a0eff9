"""The statements of one report, on the roll-ups of one grain."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sqlalchemy import BigInteger, Integer, and_, case, func, literal_column, select

from headworks.usage.adapters.tables import group_tags, groups, rollups
from headworks.usage.contracts import ReportRow
from headworks.usage.domain.dimensions import TAG, TEXTS, TIMES
from headworks.usage.domain.figures import FIGURES, figures_of
from headworks.usage.domain.rollups import COUNTERS, SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, FromClause, Label, Select, Subquery

    from headworks.kernel.pagination import PageRequest
    from headworks.usage.contracts import Figures
    from headworks.usage.ports import ReportFilter

    _AnySelect: TypeAlias = "Select[*tuple[Any, ...]]"

_HALF: Final = 32
"""Bits of the halves of a counter, where they are added apart."""
_SHIFT: Final = literal_column(str(_HALF), Integer)
_MASK: Final = literal_column(str(2**_HALF - 1), BigInteger)
_LONG_S: Final = 7 * SECONDS["day"]
"""In so long a time most groups have something."""
_BEFORE: Final = "before_"
_ALL: Final = "all_"


class Reporting:
    """What is asked, as SQL."""

    def __init__(self, wanted: ReportFilter, group_by: Sequence[str], *, of_sqlite: bool, halves: bool = False) -> None:
        """With `halves` sums may be larger than what the database adds up to."""
        self._of_sqlite = of_sqlite
        self._wanted = wanted
        self._group_by = group_by
        self._halves = halves
        self._rollup = rollups[wanted.grain]
        self._from: FromClause = self._rollup.join(groups, groups.c.id == self._rollup.c.group_id)
        self._columns = [self._column(dimension).label(f"by_{place}") for place, dimension in enumerate(group_by)]

    def rows(self, page: PageRequest) -> _AnySelect:
        """One page; with each row, how many there are, and the whole: roll-ups are gone through but once."""
        sums = list(self._sums())
        grouped = self._chosen(*self._columns, *sums).group_by(*self._columns).subquery("grouped")
        overall = (func.sum(grouped.c[one.name]).over().label(f"{_ALL}{one.name}") for one in sums)
        rows = select(grouped, func.count().over().label("records"), *overall)
        return rows.order_by(*self._order(grouped, page)).limit(page.per_page).offset(page.offset)

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
        return self._row(row, tuple(int(value) if place in times else value for place, value in enumerate(values)), "")

    def row_of_all(self, row: Mapping[Any, Any]) -> ReportRow:
        """Beside any of `rows`."""
        return self._row(row, (), _ALL)

    def row_of_whole(self, row: Mapping[Any, Any]) -> ReportRow:
        """Of `whole`."""
        return self._row(row, (), "")

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
        within = (rollup.c.start_s >= first, rollup.c.start_s < wanted.until_s)
        if self._of_sqlite and wanted.organization_id is None and wanted.until_s - first >= _LONG_S:
            # Then it goes group by group, along the primary key; else by time, and sorts all of it on disk.
            within = (func.likely(within[0]), func.likely(within[1]))
        chosen = chosen.where(*within)
        if wanted.organization_id is not None:
            chosen = chosen.where(groups.c.organization_id == wanted.organization_id)
        for dimension, value in wanted.equal:
            chosen = chosen.where(groups.c[TEXTS[dimension]] == value)
        for name, value in wanted.tags:
            tag = group_tags.alias()
            has = select(tag.c.group_id).where(tag.c.group_id == groups.c.id, tag.c.name == name, tag.c.value == value)
            chosen = chosen.where(has.exists())
        return chosen

    def _sums(self) -> Iterator[Label[Any]]:
        if self._wanted.previous_from_s is None:
            yield from self._summed("", None)
            return
        now = self._rollup.c.start_s >= literal_column(str(int(self._wanted.from_s)), BigInteger)
        yield from self._summed("", now)
        yield from self._summed(_BEFORE, ~now)

    def _summed(self, prefix: str, when: ColumnElement[bool] | None) -> Iterator[Label[Any]]:
        for name in COUNTERS:
            counter = self._rollup.c[name]
            if self._halves:
                yield _total(counter.op(">>")(_SHIFT), when).label(f"{prefix}{name}_upper")
                yield _total(counter.op("&")(_MASK), when).label(f"{prefix}{name}_lower")
            else:
                yield _total(counter, when).label(f"{prefix}{name}")

    def _row(self, row: Mapping[Any, Any], values: tuple[Any, ...], prefix: str) -> ReportRow:
        previous = None
        if self._wanted.previous_from_s is not None:
            previous = self._figures(row, f"{prefix}{_BEFORE}")
        return ReportRow(values, self._figures(row, prefix), previous)

    def _figures(self, row: Mapping[Any, Any], prefix: str) -> Figures:
        if not self._halves:
            return figures_of([int(row[f"{prefix}{name}"]) for name in COUNTERS])
        halves = ((row[f"{prefix}{name}_upper"], row[f"{prefix}{name}_lower"]) for name in COUNTERS)
        return figures_of([(upper << _HALF) + lower for upper, lower in halves])

    def _order(self, grouped: Subquery, page: PageRequest) -> list[ColumnElement[Any]]:
        by: list[ColumnElement[Any]] = [
            part.desc() if order.descending else part.asc()
            for order in page.sort
            for part in self._ranked(grouped, order.field)
        ]
        places = [(name, grouped.c[column.name]) for name, column in zip(self._group_by, self._columns, strict=True)]
        by += [column.desc() for name, column in reversed(places) if name in TIMES]
        for name, column in places:
            if name.startswith(TAG):
                # Databases do not agree on where what is not there comes.
                by.append(case((column.is_(None), 1), else_=0))
            if name not in TIMES:
                by.append(column.asc())
        return by

    def _ranked(self, grouped: Subquery, figure: str) -> Iterator[ColumnElement[Any]]:
        if not self._halves:
            yield reduce(add, (grouped.c[name] for name in FIGURES[figure]))
            return
        upper = reduce(add, (grouped.c[f"{name}_upper"] for name in FIGURES[figure]))
        lower = reduce(add, (grouped.c[f"{name}_lower"] for name in FIGURES[figure]))
        # What the lower halves carry over decides before what is left of them.
        yield upper + lower.op(">>")(_SHIFT)
        yield lower.op("&")(_MASK)


def _total(amount: ColumnElement[int], when: ColumnElement[bool] | None) -> ColumnElement[int]:
    counted = amount if when is None else case((when, amount), else_=literal_column("0"))
    return func.coalesce(func.sum(counted), 0)
