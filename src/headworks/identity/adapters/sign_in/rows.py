"""Rows of sign-in's tables as the values that use cases know, and back."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from sqlalchemy import Row

T = TypeVar("T")


def read(kind: type[T], row: Row[Any]) -> T:
    """The dataclass `kind` whose fields are called as the columns."""
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's public accessor, named so as not to hide a column
    return kind(**{field.name: values[field.name] for field in fields(kind)})  # type: ignore[arg-type]


def columns(value: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever dataclass it is
    """The fields of a dataclass by the names of their columns."""
    return asdict(value)
