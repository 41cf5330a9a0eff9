"""Clients that keep asking until they are told to stop, and shrug when the gateway dies under them."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.headworks import Headworks


class Load:
    """Threads that send chat requests, one after the other, to models drawn at random."""

    def __init__(
        self, headworks: Headworks, models: Sequence[str], *, clients: int, seed: int, api_key: str | None = None
    ) -> None:
        """Prepare `clients` threads; half of the requests are streamed, one in eight is left in the middle.

        Without `api_key` they have the first one of this Headworks.
        """
        self.answered = 0
        """Answers read to their end."""
        self.statuses: Counter[int] = Counter()
        self.refusals: Counter[str] = Counter()
        """Of what was not served, by the code of the error."""
        self.longest_pause = 0.0
        """Seconds between two answers that were good."""
        self._good_at: float | None = None
        self._port = headworks.port
        self._key = api_key or headworks.credentials.api_key
        self._models = tuple(models)
        self._over = threading.Event()
        self._lock = threading.Lock()
        chances = (random.Random(seed * 1000 + number) for number in range(clients))  # noqa: S311 - no secret
        self._threads = [threading.Thread(target=self._ask_on, args=(chance,)) for chance in chances]

    def __enter__(self) -> Self:
        """Start them."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let each finish its request, and wait for them."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask_on(self, chance: random.Random) -> None:
        while not self._over.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            try:
                while not self._over.is_set() and self._ask(connection, chance):
                    with self._lock:
                        self.answered += 1
            except (OSError, http.client.HTTPException):
                self._over.wait(0.02)
            finally:
                connection.close()

    def _ask(self, connection: http.client.HTTPConnection, chance: random.Random) -> bool:
        """One request; False when the connection is of no more use."""
        stream, leave = chance.random() < 1 / 2, chance.random() < 1 / 8
        request = {
            "model": chance.choice(self._models),
            "messages": [{"role": "user", "content": "word " * chance.randint(1, 40)}],
            "stream": stream,
        }
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(request), headers)
        answer = connection.getresponse()
        if leave and stream and answer.status == HTTPStatus.OK:
            self._note(answer.status)
            answer.read(chance.randint(1, 400))
            return False
        self._note(answer.status, answer.read())
        return not answer.will_close

    def _note(self, status: int, body: bytes = b"") -> None:
        now = time.monotonic()
        with self._lock:
            self.statuses[status] += 1
            if status != HTTPStatus.OK:
                self.refusals[f"{status} {json.loads(body)['error']['code']}"] += 1
                return
            if self._good_at is not None:
                self.longest_pause = max(self.longest_pause, now - self._good_at)
            self._good_at = now
