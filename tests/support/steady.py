"""Clients that keep asking through a balancer, and write down whatever went wrong: nothing may, whoever is restarted."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

_JSON = "application/json"


@dataclass
class Seen:
    """What the clients saw."""

    answered: int = 0
    """Answers that were not streamed."""
    made: int = 0
    """Keys that were made, and used at once."""
    whole: int = 0
    """Streams that ended as they should."""
    told: int = 0
    """Streams that ended with the error event of a gateway that could not wait for them any longer."""
    failures: list[str] = field(default_factory=list)


@dataclass
class Steady:
    """As a context manager: some clients that wait for whole answers, some that take streams, and one that makes keys and uses them."""

    port: int
    """Of the balancer."""
    api_key: str
    management_key: str
    quick: str
    """A model whose answers are short."""
    streamed: str
    endless: str
    """One whose streams take longer than any gateway waits for them."""
    clients: int = 4
    seen: Seen = field(default_factory=Seen)
    _over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Start them."""
        asking: list[Callable[[http.client.HTTPConnection], None]] = [
            *[self._ask] * self.clients,
            *[self._stream] * self.clients,
            self._stream_without_end,
            self._make_a_key,
        ]
        self._threads = [threading.Thread(target=self._go_on, args=(one,)) for one in asking]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let each finish what it does, and wait for them."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _go_on(self, ask: Callable[[http.client.HTTPConnection], None]) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            while not self._over.is_set():
                try:
                    ask(connection)
                except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                    connection.close()
                    self._failed(f"{getattr(ask, '__name__', ask)}: {error!r}")

    def _ask(self, connection: http.client.HTTPConnection) -> None:
        self._complete(connection, self.api_key)
        self._count("answered")
        self._over.wait(0.01)

    def _make_a_key(self, connection: http.client.HTTPConnection) -> None:
        """Which no gateway knows: it must ask."""
        made = self._sent(connection, "/api/v1/keys", {"name": f"key {next(_NUMBERS)}"}, self.management_key)
        self._complete(connection, made["data"]["key"])
        self._count("made")
        self._over.wait(0.05)

    def _stream(self, connection: http.client.HTTPConnection) -> None:
        self._ended(self._streamed(connection, self.streamed))

    def _stream_without_end(self, connection: http.client.HTTPConnection) -> None:
        self._ended(self._streamed(connection, self.endless))

    def _ended(self, text: str) -> None:
        if text.rstrip().endswith("[DONE]"):
            self._count("whole")
        elif "gateway_shutdown" in text:
            self._count("told")
        elif not self._over.is_set():
            self._failed(f"a stream broke off: {text[-200:]!r}")

    def _complete(self, connection: http.client.HTTPConnection, key: str) -> None:
        answer = self._sent(connection, "/v1/chat/completions", self._chat(self.quick, stream=False), key)
        if not answer["choices"][0]["message"]["content"]:
            message = f"no answer: {answer}"
            raise ValueError(message)

    def _streamed(self, connection: http.client.HTTPConnection, model: str) -> str:
        headers = {"authorization": f"Bearer {self.api_key}", "content-type": _JSON}
        connection.request("POST", "/v1/chat/completions", json.dumps(self._chat(model, stream=True)), headers)
        answer = connection.getresponse()
        pieces: list[bytes] = []
        while piece := answer.read1(65536):
            pieces.append(piece)
            if self._over.is_set() and model == self.endless:
                connection.close()
                break
        text = b"".join(pieces).decode()
        if answer.status != http.client.OK:
            message = f"{answer.status}: {text[:300]}"
            raise ValueError(message)
        return text

    def _sent(self, connection: http.client.HTTPConnection, path: str, body: object, key: str) -> dict[str, Any]:
        """Raises ValueError for whatever is not a success."""
        headers = {"authorization": f"Bearer {key}", "content-type": _JSON}
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status >= http.client.MULTIPLE_CHOICES:
            message = f"{path}: {answer.status}: {text[:300]}"
            raise ValueError(message)
        found: dict[str, Any] = json.loads(text)
        return found

    def _chat(self, model: str, *, stream: bool) -> dict[str, object]:
        return {"model": model, "stream": stream, "messages": [{"role": "user", "content": "one two three"}]}

    def _count(self, what: str) -> None:
        with self._lock:
            setattr(self.seen, what, getattr(self.seen, what) + 1)

    def _failed(self, what: str) -> None:
        with self._lock:
            self.seen.failures.append(what)


_NUMBERS = itertools.count()
