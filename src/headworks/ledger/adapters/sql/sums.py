"""Sums that are exact whatever their size, also where they go beyond the 64 bits of what is summed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import BigInteger, Integer, case, func, literal_column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, RowMapping

_HALF: Final = 32
_SHIFT = literal_column(str(_HALF), Integer)
_MASK = literal_column(str(2**_HALF - 1), BigInteger)
_PARTS: Final = (("more", 1), ("less", -1))


def exact_sum(column: ColumnElement[int], name: str) -> Iterator[ColumnElement[int]]:
    """Four sums: of positive and of negative amounts, and of each the upper and the lower half of their bits.

    A sum of whole ones may go beyond 64 bits, where SQLite gives up; and databases differ in how they shift negative ones.
    """
    for part, sign in _PARTS:
        amount = case((column * sign > 0, column * sign), else_=0)
        yield func.coalesce(func.sum(amount.op(">>")(_SHIFT)), 0).label(f"{name}_{part}_upper")
        yield func.coalesce(func.sum(amount.op("&")(_MASK)), 0).label(f"{name}_{part}_lower")


def summed(row: RowMapping, name: str) -> int:
    """What `exact_sum` came to. Of integers PostgreSQL, MariaDB and MySQL give decimals, which are whole."""
    return sum(
        sign * ((int(row[f"{name}_{part}_upper"]) << _HALF) + int(row[f"{name}_{part}_lower"])) for part, sign in _PARTS
    )
