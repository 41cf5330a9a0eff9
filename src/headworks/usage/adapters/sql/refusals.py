"""Rows that a database does not take."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError, StatementError

from headworks.kernel.database import is_about_rows
from headworks.usage.ports import RowsRefused

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def refusals() -> Iterator[None]:
    """Turns the store's complaint about a row into RowsRefused; a store that fails passes as what it is."""
    try:
        yield
    except (StatementError, OverflowError, UnicodeError) as error:
        # OverflowError and UnicodeError come from sqlite3 while it binds.
        complaint = is_about_rows(error) if isinstance(error, DBAPIError) else type(error) is StatementError
        if complaint or isinstance(error, (OverflowError, UnicodeError)):
            raise RowsRefused(str(error)) from error
        raise
