"""SQLite's log is copied into its file beside the writers: in a commit it would keep all that wait for the one writer waiting.

A commit is safe once it is in the log (`synchronous = FULL`), and whoever opens the file after a crash reads it there. So copying
may come whenever there is time; only the log must not grow for ever.
"""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Final

from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

_log = logger(__name__)

LONGEST_PAGES: Final = 16_384
"""64 MiB. A log that got as long in spite of us is copied by the commit that made it so (`PRAGMA wal_autocheckpoint`)."""
LIMIT_BYTES: Final = 16 * 1024 * 1024
"""What is left of a longer log once it begins anew (`PRAGMA journal_size_limit`)."""
_CHANGES: Final = 500
"""Rows, after which the log is copied. With its indexes and its trace in the trail, one takes about four pages."""
_LONG_PAGES: Final = 2_000
"""Writers that never pause do not begin it anew. From here on that is done under their lock, once most of it is copied without."""
_BUSY_MS: Final = 50
"""How long that waits for readers, and keeps writers waiting."""
_THREADS: Final = ThreadPoolExecutor(2, "sqlite-log")


class Checkpoints:
    """Of one writer's file. Several of one file, in any process, get along: SQLite lets one of them copy at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counted = 0
        self._running: Future[None] | None = None

    def changed(self, rows: int) -> None:
        """A transaction is about to end; `rows` is how many its connection has changed since it was opened."""
        if rows < self._counted:
            # A new connection counts from nought.
            self._counted = 0
        if rows - self._counted < _CHANGES or not (self._running is None or self._running.done()):
            return
        self._counted = rows
        self._running = _THREADS.submit(self._run)

    async def close(self) -> None:
        """Wait until nothing is copied any more."""
        if self._running is not None:
            await asyncio.wrap_future(self._running)

    def _run(self) -> None:
        try:
            copy_log(self._path)
        except sqlite3.Error as error:
            # Nothing is lost: the log holds it, and it is tried again.
            _log.warning("the log of a database was not copied into its file", file=self._path.name, error=str(error))


def copy_log(path: Path) -> None:
    """Copy what is in the log by now into the file, and let the log begin anew where it is long. Raises sqlite3.Error."""
    with closing(_connection(path)) as guard, closing(_connection(path)) as copying:
        # While somebody reads from the log no writer begins it anew. Versions before 3.51.3 may lose pages when one does at
        # the very moment at which copying begins (https://sqlite.org/wal.html#the_wal_reset_bug).
        guard.execute("BEGIN")
        guard.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        _, pages, _ = copying.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        guard.execute("ROLLBACK")
        if pages > _LONG_PAGES:
            # It holds the writers' lock from before it looks, so that there is no such moment.
            copying.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()


def _connection(path: Path) -> sqlite3.Connection:
    # Not to be made here, should somebody have moved it.
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA synchronous = FULL")
    return connection
