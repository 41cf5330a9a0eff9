"""What a failing database means: an outage, a lost race, or a complaint about what was asked.

The driver's own words go to the log alone. Who is told of an outage may be anybody (`/health` is public), and the words hold
the server's address and the role's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from headworks.kernel.contention import TransactionLost
from headworks.kernel.errors import Unavailable
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from headworks.kernel.database.address import Address
    from headworks.kernel.errors import HeadworksError

_log = logger(__name__)

_OURS = (DataError, IntegrityError, ProgrammingError)
"""Errors of what was asked, not of the database: adapters translate them or they are bugs."""
_LOST: Final = frozenset({"40001", "40P01", 1020, 1213})
"""PostgreSQL's serialization_failure and deadlock_detected; ER_CHECKREAD and ER_LOCK_DEADLOCK of MariaDB and MySQL."""
_DUPLICATE: Final = frozenset({"23505", 1062})
"""PostgreSQL's unique_violation; ER_DUP_ENTRY of MariaDB and MySQL."""
_OUT_OF_RANGE: Final = 1690
"""ER_DATA_OUT_OF_RANGE of MariaDB and MySQL: a sum beyond 64 bits, which their driver takes for a failure of the server."""
_READ_ONLY: Final = frozenset({"25006", 1290, 1792, 1836})
"""PostgreSQL's read_only_sql_transaction; MariaDB and MySQL with `--read-only`, in such a session, and in such a mode."""
_AGAIN: Final = "The database is not available at the moment; try again shortly."


class DatabaseUnavailable(Unavailable):
    """The database did not answer, or could not write."""

    code = "database_unavailable"
    title = "The database is not available"


def outage(error: BaseException, name: str) -> HeadworksError | None:
    """What the caller of a database is told; None where `error` is none of the database's.

    `name` is that of a database server. For a file, without one, the driver's words are told: they speak of the disk.
    """
    if isinstance(error, PoolTimeoutError):
        return DatabaseUnavailable(_AGAIN, detail="every connection of this process is in use")
    if isinstance(error, DBAPIError) and code_of(error) in _LOST:
        return TransactionLost("Another change came first; try again.", detail=_kind(error))
    if not isinstance(error, (DBAPIError, ConnectionError)) or _is_ours(error):
        return None
    return unavailable(error, name) if name else DatabaseUnavailable(_AGAIN, detail=_first_line(error))


def unavailable(error: BaseException, name: str) -> DatabaseUnavailable:
    """The outage of a database server, whatever was raised; the driver's words are logged."""
    _log.warning("database unavailable", database=name, error=_first_line(error))
    return DatabaseUnavailable(_AGAIN, detail=_kind(error))


def no_answer(error: BaseException, address: Address) -> DatabaseUnavailable:
    """For the operator, who starts or migrates: where it is, and what the driver says."""
    hint = ""
    if address.needs_tls and address.tls is None:
        hint = " TLS is spoken to any server that is not on this machine; ?sslmode=disable in the URL does without."
    return DatabaseUnavailable(f"{address} cannot be used: {_first_line(error)}.{hint}")


def is_duplicate(error: IntegrityError) -> bool:
    """Whether a row was refused because its key is there already."""
    return code_of(error) in _DUPLICATE or "UNIQUE constraint failed" in str(error.orig)


def is_about_rows(error: DBAPIError) -> bool:
    """Whether the database does not take what is in a row; repeating it changes nothing."""
    code = code_of(error)
    # PostgreSQL's driver gives no kind to many errors: classes 22 and 23 are those of data and of integrity.
    return (
        isinstance(error, (DataError, IntegrityError))
        or code == _OUT_OF_RANGE
        or (isinstance(code, str) and code[:2] in {"22", "23"})
    )


def refuses_to_write(error: DBAPIError) -> bool:
    """Whether the server, or the session, only reads."""
    return code_of(error) in _READ_ONLY


def code_of(error: DBAPIError) -> str | int | None:
    """PostgreSQL's SQLSTATE, or the number of MariaDB and MySQL."""
    arguments = getattr(error.orig, "args", ())
    if arguments and isinstance(arguments[0], int):
        return arguments[0]
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def _is_ours(error: BaseException) -> bool:
    return isinstance(error, DBAPIError) and (isinstance(error, _OURS) or is_about_rows(error))


def _kind(error: BaseException) -> str:
    """The error's name and code: what may be shown to anybody."""
    if not isinstance(error, DBAPIError):
        return type(error).__name__
    code = code_of(error)
    cause = getattr(error.orig, "__cause__", None) or error.orig
    return type(cause).__name__ + (f" {code}" if code is not None else "")


def _first_line(error: BaseException) -> str:
    """Without the statement and its parameters."""
    words = str(error.orig if isinstance(error, DBAPIError) else error)
    return f"{type(error).__name__}: {words.partition(chr(10))[0].removesuffix('.')}"
