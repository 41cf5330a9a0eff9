"""What every noun does to its table: read a page, add a row, replace one that nobody changed in the meantime."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from headworks.kernel.database import is_duplicate
from headworks.kernel.errors import Stale
from headworks.kernel.pagination import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, RowMapping, Select, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.errors import Conflict
    from headworks.kernel.pagination import PageRequest

T = TypeVar("T")
Columns = dict[str, object]


def columns_of(value: object, **others: object) -> Columns:
    """A value's fields as columns, and columns besides."""
    return {name: getattr(value, name) for name in type(value).__slots__} | others  # type: ignore[attr-defined]


def value_of(kind: Callable[..., T], row: RowMapping) -> T:
    """The value whose fields a row's columns are, whatever else it holds."""
    return kind(**{name: row[name] for name in kind.__slots__})  # type: ignore[attr-defined]


async def read_page(
    connection: AsyncConnection, wanted: Select[tuple[object, ...]], page: PageRequest, read: Callable[[RowMapping], T]
) -> Page[T]:
    """One page of what a statement finds, and how much it finds."""
    total = await connection.scalar(select(func.count()).select_from(wanted.order_by(None).subquery()))
    rows = await connection.execute(wanted.limit(page.per_page).offset(page.offset))
    return Page([read(row) for row in rows.mappings()], int(total or 0), page)


async def read_one(
    connection: AsyncConnection,
    wanted: Select[tuple[object, ...]],
    read: Callable[[RowMapping], T],
    parameters: Mapping[str, object] | None = None,
) -> T | None:
    """What a statement finds; None where it finds nothing."""
    row = (await connection.execute(wanted, parameters)).mappings().first()
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
        done = await connection.execute(unchanged.values(row))
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
