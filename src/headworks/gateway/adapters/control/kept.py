"""The last good flows, on the gateway's disk: what it goes by while the control plane is away, also after a restart of its own.

Each is sealed with the gateway's own keyring, bound to the question that it answers, so that the file tells nothing and nobody can
put another answer into it. It is a cache: a file that cannot be read is made anew.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from typing import TYPE_CHECKING, Final

from headworks.kernel.clock import unix_ms
from headworks.kernel.secrets import SealError, Secret, seal_context
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from headworks.dataplane.flow import Question
    from headworks.kernel.secrets import Sealer

    Place = tuple[str, str, str]

_log = logger(__name__)

MOST: Final = 100_000
"""How many flows are kept, the oldest forgotten first; some two kilobytes each."""
_FLUSH_SECONDS: Final = 1.0
_AGAIN_MS: Final = 2_000
"""How soon the engine asks again for a flow that is served from memory."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS flows (
  key_hash TEXT NOT NULL, model TEXT NOT NULL, endpoint TEXT NOT NULL, at_ms INTEGER NOT NULL, sealed TEXT NOT NULL,
  PRIMARY KEY (key_hash, model, endpoint)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS flows_by_age ON flows (at_ms);
"""
_PUT: Final = "INSERT OR REPLACE INTO flows VALUES (?, ?, ?, ?, ?)"
_FORGET_OLDEST: Final = (
    "DELETE FROM flows WHERE at_ms <= (SELECT at_ms FROM flows ORDER BY at_ms DESC LIMIT 1 OFFSET ?)"
)


class KeptFlows:
    """Belongs to one event loop; `run` writes what was kept, a second later at most."""

    def __init__(self, path: Path, sealer: Sealer, most: int = MOST, clock_ms: Callable[[], int] = unix_ms) -> None:
        """`clock_ms` is the wall clock, in milliseconds since 1970. Raises OSError or sqlite3.Error when there is no file to be had."""
        self._sealer = sealer
        self._most = most
        self._clock_ms = clock_ms
        self._pending: dict[Place, tuple[int, str]] = {}
        self._writing: dict[Place, tuple[int, str]] = {}
        """What is on its way to the disk. Whatever is struck out of it, under the lock, does not get there."""
        self._spoiled = False
        """Something could not be struck out on the disk: nothing there is believed until all of it could be."""
        self._lock = threading.Lock()
        self._file = _open(path)

    def keep(self, question: Question, flow: str) -> None:
        """This is the answer now: a `Flow` as JSON."""
        self._pending[_place(question)] = self._clock_ms(), flow

    async def find(self, question: Question) -> str | None:
        """The last answer with what is left of its time, or None where there is none or its time is over."""
        place = _place(question)
        known = self._pending.get(place) or self._writing.get(place) or await asyncio.to_thread(self._read, place)
        if known is None:
            return None
        at_ms, text = known
        answer = json.loads(text)
        left_ms = answer["flow"]["hard_ms"] - max(0, self._clock_ms() - at_ms)
        if left_ms <= 0:
            return None
        answer["flow"]["hard_ms"] = left_ms
        answer["flow"]["fresh_ms"] = min(_AGAIN_MS, left_ms)
        return json.dumps(answer)

    def forget(self, question: Question) -> None:
        """What was asked is refused now."""
        place = _place(question)
        self._strike("key_hash = ? AND model = ? AND endpoint = ?", place, lambda one: one == place)

    def forget_key(self, key_hash: str) -> None:
        """On the disk when it returns, or nothing there is believed any more."""
        self._strike("key_hash = ?", (key_hash,), lambda one: one[0] == key_hash)

    def forget_all(self) -> None:
        """As `forget_key`."""
        if self._strike("TRUE", (), lambda _one: True):
            self._spoiled = False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write what was kept. What the disk does not take is kept for the next time."""
        if self._spoiled:
            self.forget_all()
        if self._spoiled or not self._pending:
            return
        self._pending, self._writing = {}, self._pending
        try:
            await asyncio.to_thread(self._write)
        except (OSError, sqlite3.Error) as error:
            _log.warning("flows not kept on the disk, trying again", detail=str(error))
            self._pending = {**self._writing, **self._pending}
        self._writing = {}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    def _read(self, place: Place) -> tuple[int, str] | None:
        select = "SELECT at_ms, sealed FROM flows WHERE key_hash = ? AND model = ? AND endpoint = ?"
        if self._spoiled:
            return None
        try:
            with self._lock:
                found = self._file.execute(select, place).fetchone()
            return None if found is None else (found[0], self._sealer.open(found[1], _context(place)).reveal())
        except (sqlite3.Error, SealError) as error:
            _log.warning("a kept flow cannot be read", detail=str(error))
            return None

    def _write(self) -> None:
        with self._lock:
            writing = list(self._writing.items())
        rows = [(*place, at_ms, self._sealer.seal(Secret(text), _context(place))) for place, (at_ms, text) in writing]
        with self._lock, self._file:
            self._file.executemany(_PUT, [row for row in rows if row[:3] in self._writing])
            self._file.execute(_FORGET_OLDEST, (self._most,))

    def _strike(self, where: str, values: tuple[str, ...], is_meant: Callable[[Place], bool]) -> bool:
        """Whether the disk took it."""
        with self._lock:
            for waiting in (self._pending, self._writing):
                for place in [place for place in waiting if is_meant(place)]:
                    del waiting[place]
            try:
                with self._file:
                    self._file.execute(f"DELETE FROM flows WHERE {where}", values)  # noqa: S608 - the three above
            except sqlite3.Error as error:
                _log.error("flows cannot be struck out on the disk; none of them is believed", detail=str(error))
                self._spoiled = True
                return False
            return True


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _prepared(path)
    except sqlite3.DatabaseError as error:
        _log.warning("the kept flows cannot be read and are made anew", path=str(path), detail=str(error))
        path.unlink()
        return _prepared(path)


def _prepared(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, check_same_thread=False)
    try:
        # What a crash of the machine takes away is asked for again.
        file.executescript(
            f"PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = OFF; PRAGMA secure_delete = ON; {_SCHEMA}"
        )
    except sqlite3.Error:
        file.close()
        raise
    path.chmod(0o600)
    return file


def _place(question: Question) -> Place:
    return question.key_hash, "" if question.model is None else f"={question.model}", question.endpoint


def _context(place: Place) -> bytes:
    # Models are what callers write, and may hold anything; the JSON of a place has one reading.
    return seal_context("flow") + b"|" + json.dumps(place).encode()
