"""A table as its values are stored, whatever they mean: moments are numbers, names are texts, in every database the same."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Date, MetaData, Table, Text

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

_KINDS: Final[dict[type, type[TypeEngine[Any]]]] = {bool: Boolean, int: BigInteger, str: Text, date: Date}


@cache
def stored(table: Table) -> Table:
    """Its twin with plain columns, in the same order. Raises TypeError for a column of a kind that nobody said how to move."""
    columns = (Column(column.name, _kind(column), primary_key=column.primary_key) for column in table.columns)
    return Table(table.name, MetaData(), *columns)


def _kind(column: Column[Any]) -> TypeEngine[Any]:
    # Of a type of ours it is that of what it is kept as.
    kind = _KINDS.get(getattr(column.type, "impl_instance", column.type).python_type)
    if kind is None:
        message = f"{column}: {column.type!r} is no kind of value that can be moved; say in {__name__} how it is stored"
        raise TypeError(message)
    return kind()
