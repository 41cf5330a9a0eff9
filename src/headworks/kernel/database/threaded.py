"""SQLite for loops that many wait for: what takes time runs in another thread, and all else here.

Handing something to a thread and back takes a millisecond where the loop is busy, ten times as long as a statement that finds its
row in an index. So a read goes to a thread once, with all its rows, and a transaction only where it waits: at its beginning for
the lock of another writer, and at its end for the disk. `inline` is for loops in which nobody waits.
"""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy.util import await_only

from headworks.kernel.database.inline import InlineConnection, InlineCursor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
C = TypeVar("C", bound=sqlite3.Cursor)

BEGIN: Final = "BEGIN IMMEDIATE"
"""At once the writer: a transaction that reads first and writes later could find itself out of date."""
BUSY_MS: Final = 5_000
"""How long SQLite waits for another's lock."""
_PRIMARY: Final = 0xFF
"""Of an error's code: what is above it says more of the same."""
_THREADS: Final = ThreadPoolExecutor(8, "sqlite")


class ReadingCursor(InlineCursor):
    """Runs a statement and takes all its rows in a thread."""

    def execute(self, sql: str, parameters: Iterable[object] = ()) -> ReadingCursor:  # type: ignore[override]
        """Run one statement."""
        values = tuple(parameters)
        self._rows = await_only(_elsewhere(lambda: self._run(sql, values)))
        return self

    def look_up(self, sql: str, parameters: Iterable[object] = ()) -> None:
        """Run one statement that takes less than a thread would."""
        InlineCursor.execute(self, sql, parameters)
        self._rows = iter(sqlite3.Cursor.fetchall(self))

    def fetchone(self) -> Any:  # noqa: ANN401 - as sqlite3 declares it
        """The next row; None at the end."""
        return next(self._rows, None)

    def fetchmany(self, size: int | None = 1) -> list[Any]:
        """The next rows."""
        return list(islice(self._rows, size or 1))

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        return list(self._rows)

    def _run(self, sql: str, values: tuple[object, ...]) -> Iterator[Any]:
        sqlite3.Cursor.execute(self, sql, values)
        return iter(sqlite3.Cursor.fetchall(self))


class ReadingConnection(InlineConnection):
    """Each of its statements runs in a thread."""

    def cursor(self, factory: type[C] = ReadingCursor) -> C:  # type: ignore[override, assignment]
        """A cursor of this connection."""
        return super().cursor(factory)


class WritingCursor(InlineCursor):
    """Begins in a thread where that takes waiting, and runs all else here."""

    def execute(self, sql: str, parameters: Iterable[object] = ()) -> WritingCursor:  # type: ignore[override]
        """Run one statement."""
        if sql != BEGIN:
            super().execute(sql, parameters)
        elif not self._begins_at_once():
            await_only(_elsewhere(lambda: sqlite3.Cursor.execute(self, sql)))
        return self

    def _begins_at_once(self) -> bool:
        """Begin, unless somebody else is writing."""
        run = super().execute
        run("PRAGMA busy_timeout = 0")
        try:
            run(BEGIN)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY:
                raise
            return False
        finally:
            run(f"PRAGMA busy_timeout = {BUSY_MS}")
        return True


class WritingConnection(InlineConnection):
    """Commits in a thread. One task at a time uses it, as the pool of one sees to."""

    def cursor(self, factory: type[C] = WritingCursor) -> C:  # type: ignore[override, assignment]
        """A cursor of this connection."""
        return super().cursor(factory)

    def commit(self) -> None:
        """Wait for the disk without keeping the loop."""
        await_only(_elsewhere(super().commit))


async def _elsewhere(work: Callable[[], T]) -> T:
    """Do it in a thread. Cancelled, however often, it is waited for all the same: nobody else may use the connection before its end."""
    running = asyncio.get_running_loop().run_in_executor(_THREADS, work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        raise
