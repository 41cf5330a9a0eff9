"""What every noun does to its table: read a page, add a row, replace one that nobody changed in the meantime."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import and_, func, insert, or_, update
from sqlalchemy.exc import IntegrityError

from headworks.kernel.database import BY_KEY, is_duplicate
from headworks.kernel.errors import Stale
from headworks.kernel.pagination import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, RowMapping, Select, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.errors import Conflict
    from headworks.kernel.pagination import PageRequest
    from headworks.kernel.sorting import Position, Sort

T = TypeVar("T")
Columns = dict[str, object]


def columns_of(value: object, **others: object) -> Columns:
    """A value's fields as columns, and columns besides."""
    return {name: getattr(value, name) for name in type(value).__slots__} | others  # type: ignore[attr-defined]


def value_of(kind: Callable[..., T], row: RowMapping) -> T:
    """The value whose fields a row's columns are, whatever else it holds."""
    return kind(**{name: row[name] for name in kind.__slots__})  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Sorting:
    """How a list is sorted: the columns behind the names of its fields, and its order where nobody asks for one."""

    columns: Mapping[str, ColumnElement[Any]]
    id: ColumnElement[str]
    default: Sort

    def by(self, sort: Sort) -> list[tuple[ColumnElement[Any], bool]]:
        """Columns, and whether they descend. The id comes last, so that no two rows are equal."""
        orders = sort or self.default
        return [(self.columns[order.field], order.descending) for order in orders] + [(self.id, orders[-1].descending)]


async def read_page(
    connection: AsyncConnection,
    wanted: Select[tuple[object, ...]],
    page: PageRequest,
    read: Callable[[RowMapping], T],
    sorting: Sorting,
    counting: Select[int] | None = None,
) -> Page[T]:
    """One page of what a statement finds, and how much it finds.

    `counting` says how much in less work, for a statement whose joins add columns and neither add nor leave out rows.
    """
    if counting is None:
        counting = wanted.with_only_columns(func.count(), maintain_column_froms=True)
    by = sorting.by(page.sort)
    places = [column.label(f"sorted_by_{number}") for number, (column, _) in enumerate(by)]
    # Counted in the same statement, once: a second one costs as much again as all but the rows of the first.
    in_all = counting.correlate(None).scalar_subquery().label("in_all")
    rows = wanted.add_columns(*places, in_all).order_by(*(c.desc() if down else c.asc() for c, down in by))
    if page.after is not None:
        rows = rows.where(beyond(by, page.after))
    # One more than is shown says whether there is more.
    found = (await connection.execute(rows.limit(page.per_page + 1).offset(page.offset))).mappings().all()
    shown = found[: page.per_page]
    last = tuple(shown[-1][place.name] for place in places) if len(found) > len(shown) else None
    total = found[0]["in_all"] if found else await _counted(connection, counting, page)
    return Page([read(row) for row in shown], total, page, last)


async def _counted(connection: AsyncConnection, counting: Select[int], page: PageRequest) -> int:
    """How much there is, where a page has nothing on it: it may lie behind the end."""
    if page.page == 1 and page.after is None:
        return 0
    total: int | None = await connection.scalar(counting)
    return total or 0


def beyond(by: Sequence[tuple[ColumnElement[Any], bool]], place: Position) -> ColumnElement[bool]:
    """What comes after a place. The first column bounds it on its own, so that an index on it finds where to begin."""
    compared = list(zip(by, place, strict=True))
    steps = [
        and_(*(column == value for (column, _), value in compared[:number]), _past(column, value, down=down))
        for number, ((column, down), value) in enumerate(compared)
    ]
    (first, down), value = compared[0]
    return and_(first <= value if down else first >= value, or_(*steps))


def _past(column: ColumnElement[Any], value: object, *, down: bool) -> ColumnElement[bool]:
    return column < value if down else column > value


async def read_one(
    connection: AsyncConnection,
    wanted: Select[tuple[object, ...]],
    read: Callable[[RowMapping], T],
    parameters: Mapping[str, object] | None = None,
) -> T | None:
    """What a statement finds by a key in an index; None where it finds nothing."""
    row = (await connection.execute(wanted, parameters, execution_options=BY_KEY)).mappings().first()
    return None if row is None else read(row)


async def add_rows(connection: AsyncConnection, table: Table, rows: Sequence[Columns], there: Conflict) -> None:
    """Insert rows. Raises `there` when one of them is there already."""
    if not rows:
        return
    with _translated(there):
        await connection.execute(insert(table), rows)


async def replace_row(
    connection: AsyncConnection, table: Table, row: Columns, there: Conflict | None, *within: ColumnElement[bool]
) -> None:
    """Overwrite the row with this id, if its version is the one before. Raises Stale, and `there` as above."""
    version = row["version"]
    if not isinstance(version, int):
        message = f"a version is a number, not {version!r}"
        raise TypeError(message)
    unchanged = update(table).where(table.c.id == row["id"], table.c.version == version - 1, *within)
    with _translated(there):
        done = await connection.execute(unchanged, {name: value for name, value in row.items() if name != "id"})
    if done.rowcount != 1:
        raise Stale(
            "Somebody else changed it at the same moment. Read it again, and make your change to what is there."
        )


@contextmanager
def _translated(there: Conflict | None) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if there is None or not is_duplicate(error):
            raise
        raise there from error
