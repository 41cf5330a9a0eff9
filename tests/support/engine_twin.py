"""A twin of the extension's `Engine` for tests of what surrounds it: the same surface, and no sockets.

Tests put questions and usage in with `ask` and `serve`, and read what was answered, invalidated and confirmed.
"""

from __future__ import annotations

import json
import os
import threading
from collections import deque


class EngineTwin:
    """Thread-safe, as the engine is."""

    def __init__(self, settings: str = "{}") -> None:
        self.settings = json.loads(settings)
        self.running = False
        self.drained: list[float] = []
        self.invalidated: list[str] = []
        """Hashes of keys, and `*` for everything, in order."""
        self.recalled: list[str] = []
        """Ids of budgets, and of limits."""
        self.reached: list[str] = []
        self.confirmed = 0
        self._lock = threading.Lock()
        self._questions = _Signal()
        self._usage = _Signal()
        self._waiting: deque[tuple[int, str]] = deque()
        self._answers: dict[int, tuple[threading.Event, list[str]]] = {}
        self._records: list[tuple[object, ...]] = []
        self._taken = 0
        self._spool: dict[str, object] = {"bytes": 0, "limit_bytes": 1000, "over_half": False, "full": False}

    # --- What a test does. ---

    def ask(self, question: object, seconds: float = 10) -> dict[str, dict[str, object]]:
        """Ask the controller as a miss would, and wait for its answer."""
        heard = threading.Event()
        answer: list[str] = []
        with self._lock:
            number = len(self._answers) + 1
            self._answers[number] = heard, answer
            self._waiting.append((number, question if isinstance(question, str) else json.dumps(question)))
        self._questions.raise_()
        assert heard.wait(seconds), "the controller did not answer"
        found: dict[str, dict[str, object]] = json.loads(answer[-1])
        return found

    def serve(self, *records: tuple[object, ...]) -> None:
        """Let final records wait in the spool."""
        with self._lock:
            self._records += records
        self._usage.raise_()

    def set_spool(self, **values: object) -> None:
        """Change what `status` tells of the spool."""
        self._spool |= values

    # --- What the engine does. ---

    def start(self) -> str:
        self.running = True
        host, _, port = str(self.settings.get("listen", "127.0.0.1:8080")).rpartition(":")
        return f"{host}:{port if port != '0' else '18080'}"

    def question_fd(self) -> int:
        return self._questions.descriptor

    def take_questions(self, limit: int) -> list[tuple[int, str]]:
        with self._lock:
            self._questions.lower()
            taken = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
            if self._waiting:
                self._questions.raise_()
            return taken

    def answer(self, number: int, flow: str) -> None:
        heard, answer = self._answers[number]
        answer.append(flow)
        heard.set()

    def invalidate_key(self, key_hash: str) -> None:
        self.invalidated.append(key_hash)

    def invalidate_all(self) -> None:
        self.invalidated.append("*")

    def recall(self, budget_id: str) -> None:
        self.recalled.append(budget_id)

    def recall_share(self, limit_id: str) -> None:
        self.recalled.append(limit_id)

    def usage_fd(self) -> int:
        return self._usage.descriptor

    def take_usage(self, limit: int) -> tuple[int, list[tuple[object, ...]]]:
        with self._lock:
            self._usage.lower()
            taken = self._records[self._taken : self._taken + limit]
            self._taken += len(taken)
            return self._taken, taken

    def confirm_usage(self, position: int) -> None:
        self.confirmed = position

    def reach(self, point: str) -> None:
        self.reached.append(point)

    def status(self) -> str:
        return json.dumps({"version": "twin", "running": self.running, "flows": 0, "spool": self._spool})

    def metrics(self) -> str:
        return "# HELP headworks_twin Twin\n# TYPE headworks_twin gauge\nheadworks_twin 1\n"

    def drain(self, seconds: float) -> bool:
        self.drained.append(seconds)
        return True


class _Signal:
    """A descriptor that is readable while it is raised."""

    def __init__(self) -> None:
        self.descriptor, self._write = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._write, False)

    def raise_(self) -> None:
        try:
            os.write(self._write, b"x")
        except BlockingIOError:  # raised already, very often
            return

    def lower(self) -> None:
        try:
            while os.read(self.descriptor, 4096):
                pass
        except BlockingIOError:
            return

    def __del__(self) -> None:
        os.close(self.descriptor)
        os.close(self._write)
