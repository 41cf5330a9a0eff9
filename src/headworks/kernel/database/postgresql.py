"""What PostgreSQL alone has: many rows at once as binary `COPY`, in the transaction that is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncpg.exceptions import (  # type: ignore[import-untyped]
    IntegrityConstraintViolationError,
    InterfaceError,
    PostgresError,
)
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection


async def copy_rows(
    connection: AsyncConnection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """All of the rows or none. A value is bound as its column wants it, and is not converted.

    Raises DBAPIError with the server's code, IntegrityError for a row that may not be there, DataError for a value of a wrong kind.
    """
    driver: Any = (await connection.get_raw_connection()).driver_connection
    if not driver.is_in_transaction():
        # SQLAlchemy begins with the first statement that it sees.
        await connection.exec_driver_sql("SELECT 1")
    statement = f"COPY {table}"
    try:
        await driver.copy_records_to_table(table, records=rows, columns=list(columns))
    except PostgresError as error:
        if driver.is_closed():
            await connection.invalidate(error)
        raised = IntegrityError if isinstance(error, IntegrityConstraintViolationError) else DBAPIError
        raise raised(statement, None, error) from error
    except (InterfaceError, OverflowError, TypeError, ValueError) as error:
        if driver.is_closed():
            await connection.invalidate(error)
            raise DBAPIError(statement, None, error) from error
        # Of the driver's own: a number that its column does not hold, a text where a number belongs.
        raise DataError(statement, None, error) from error
