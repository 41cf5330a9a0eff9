"""HTTP by hand: exactly these bytes on a socket, for requests that no proper client would send."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The `error` object of OpenAI's shape; an assertion when the answer has another one."""
        document = json.loads(self.body)
        assert set(document) == {"error"}, document
        error: dict[str, Any] = document["error"]
        assert {"message", "type", "param", "code"} <= set(error), error
        return error


class Connection:
    """A TCP connection to the gateway on loopback."""

    def __init__(self, port: int, *, seconds: float = 30.0) -> None:
        """Connect; every later read or write fails after `seconds`."""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)

    def __enter__(self) -> Self:
        """Nothing to do: it is connected."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Write all of `data`; a peer that has answered and closed already is no error."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def response(self, *, method: str = "POST") -> Response:
        """Read one answer, by its length or its chunks."""
        with closing(http.client.HTTPResponse(self.socket, method=method)) as answer:
            answer.begin()
            body = answer.read()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Response(status=answer.status, headers=headers, body=body)

    def is_closed_by_peer(self) -> bool:
        """Whether the peer closes or resets without another byte (waits for it up to the time-out)."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def reset(self) -> None:
        """Leave as a crashed client does: a reset instead of an orderly end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.socket.close()


def exchange(port: int, data: bytes) -> Response:
    """Send `data` on a fresh connection and read one answer."""
    with Connection(port) as connection:
        connection.send(data)
        return connection.response()


def post(path: str, body: bytes, *, key: str | None, headers: dict[str, str] | None = None) -> bytes:
    """The bytes of an ordinary POST with a JSON body; `headers` add or replace."""
    wanted = {"host": "127.0.0.1", "content-type": "application/json", "content-length": str(len(body))}
    if key is not None:
        wanted["authorization"] = f"Bearer {key}"
    wanted |= headers or {}
    lines = "".join(f"{name}: {value}\r\n" for name, value in wanted.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body
