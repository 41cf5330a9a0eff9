"""Column types and names that every context's tables share."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, MetaData, String, Text, TypeDecorator

from headworks.kernel.moments import micros, moment

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine


class Microseconds(TypeDecorator[datetime]):
    """A moment, kept as whole microseconds since 1970 in UTC: exact, sortable, the same in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        """Raises ValueError for a naive time: it could mean any zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"{value!r} has no time zone; use kernel.clock.now or attach UTC"
            raise ValueError(message)
        return micros(value)

    def process_result_value(self, value: int | None, _dialect: Dialect) -> datetime | None:
        """An aware time in UTC."""
        return None if value is None else moment(value)


class Exact(TypeDecorator[str]):
    """Text of at most `length` characters that is equal byte for byte, and sorts by code point, in every database.

    Left to themselves MariaDB and MySQL take `Gpt` for `gpt` and `a ` for `a`, and PostgreSQL sorts as its language does.
    `text_in_sqlite` keeps the columns that were made as TEXT there what they are.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int, *, text_in_sqlite: bool = False) -> None:
        super().__init__(length)
        self.length = length
        self.text_in_sqlite = text_in_sqlite

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """What the column is made as."""
        if dialect.name == "sqlite" and self.text_in_sqlite:
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(String(self.length, collation=_collation(dialect)))


class Long(TypeDecorator[str]):
    """Text of any length that nothing is looked up by. MariaDB and MySQL hold 16 MB of it, where their TEXT holds 64 KB."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """What the column is made as."""
        if dialect.name != "mysql":
            return dialect.type_descriptor(Text(collation=_collation(dialect)))
        from sqlalchemy.dialects.mysql import MEDIUMTEXT  # noqa: PLC0415 - thirty modules that others have no use for

        return dialect.type_descriptor(MEDIUMTEXT(collation=_collation(dialect)))


def _collation(dialect: Dialect) -> str | None:
    if dialect.name == "postgresql":
        return "C"
    if dialect.name == "mysql":
        # Of the binary ones those that do not pad with spaces; each server has its own name for it.
        return "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
    return None


def new_metadata() -> MetaData:
    """Tables of one context, with constraint names that migrations can rely on."""
    return MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
