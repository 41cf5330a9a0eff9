"""HTTP/2 by hand (RFC 9113): exactly these frames on a socket, for clients that mean harm."""

from __future__ import annotations

import json
import struct
import time
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from tests.support.child import Failure
from tests.support.wire import Connection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

ACK = END_STREAM = 0x1
END_HEADERS = 0x4

INITIAL_WINDOW_SIZE = 0x4
"""A setting: what a stream may send before it is given more."""


class Kind(IntEnum):
    """Types of frames (section 6)."""

    DATA = 0x0
    HEADERS = 0x1
    RST_STREAM = 0x3
    SETTINGS = 0x4
    PING = 0x6
    GOAWAY = 0x7
    WINDOW_UPDATE = 0x8
    CONTINUATION = 0x9


class Reason(IntEnum):
    """Error codes (section 7)."""

    NO_ERROR = 0x0
    CANCEL = 0x8
    ENHANCE_YOUR_CALM = 0xB


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame that came."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def reason(self) -> int:
        """The error code of a RST_STREAM or a GOAWAY."""
        code: int = struct.unpack(">I", self.payload[:4] if self.kind == Kind.RST_STREAM else self.payload[4:8])[0]
        return code


def frame(kind: Kind, stream: int = 0, payload: bytes = b"", *, flags: int = 0) -> bytes:
    """The bytes of a frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def reset(stream: int) -> bytes:
    """A client that does not want this stream any more."""
    return frame(Kind.RST_STREAM, stream, struct.pack(">I", Reason.CANCEL))


def window_update(stream: int, size: int) -> bytes:
    """Room for `size` more bytes; stream 0 is the connection."""
    return frame(Kind.WINDOW_UPDATE, stream, struct.pack(">I", size))


def literal(name: str, value: str) -> bytes:
    """A header field that leaves no trace in a table (RFC 7541, section 6.2.2)."""
    return b"\x00" + _text(name) + _text(value)


def chat(port: int, stream: int, model: str, *, key: str, streamed: bool = True) -> bytes:
    """A whole chat request on a stream: HEADERS and DATA."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}], "stream": streamed}).encode()
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":authority": f"127.0.0.1:{port}",
        ":path": "/v1/chat/completions",
        "authorization": f"Bearer {key}",
        "content-type": "application/json",
    }
    block = b"".join(literal(name, value) for name, value in fields.items())
    return frame(Kind.HEADERS, stream, block, flags=END_HEADERS) + frame(Kind.DATA, stream, body, flags=END_STREAM)


class Session(Connection):
    """A connection that has said the preface and its settings."""

    def __init__(
        self, port: int, *, settings: Mapping[int, int] | None = None, answers_pings: bool = True, seconds: float = 30.0
    ) -> None:
        """Connect. `settings` are ours, by number; pings are answered while frames are read, unless we play dead.

        Frames are read for at most `seconds` in all: a peer that pings for ever is not waited for any longer.
        """
        super().__init__(port, seconds=seconds)
        self._until = time.monotonic() + seconds
        self._answers_pings = answers_pings
        chosen = b"".join(struct.pack(">HI", number, value) for number, value in (settings or {}).items())
        self.send(PREFACE + frame(Kind.SETTINGS, payload=chosen))

    def frames(self) -> Iterator[Frame]:
        """What comes, until the peer closes. Raises Failure when it does not in time."""
        while head := self._read(9):
            kind, flags, stream = struct.unpack(">BBI", head[3:])
            payload = self._read(int.from_bytes(head[:3], "big"))
            if kind == Kind.PING and not flags & ACK and self._answers_pings:
                self.send(frame(Kind.PING, payload=payload, flags=ACK))
            yield Frame(kind, flags, stream, payload)
            if time.monotonic() > self._until:
                message = "the peer goes on and on"
                raise Failure(message)

    def until(self, kind: Kind, *, stream: int | None = None, flags: int = 0) -> Frame:
        """The next frame of a kind; an assertion when the peer closes before."""
        for found in self.frames():
            if found.kind == kind and stream in (None, found.stream) and found.flags & flags == flags:
                return found
        message = f"the connection ended before {kind.name}"
        raise AssertionError(message)

    def body(self, stream: int) -> bytes:
        """The rest of a stream's data, to its end."""
        data = b""
        for found in self.frames():
            if found.stream == stream:
                assert found.kind != Kind.RST_STREAM, found
                data += found.payload if found.kind == Kind.DATA else b""
                if found.flags & END_STREAM:
                    return data
        message = f"the connection ended before stream {stream} did"
        raise AssertionError(message)

    def is_over(self) -> bool:
        """Whether the peer has closed; what it said before that is passed over. Waits for it up to the time-out."""
        return all(True for _ in self.frames())

    def send_until_refused(self, pieces: Iterable[bytes]) -> bool:
        """Whether the peer ended the connection before all of `pieces` were written. Nothing is read meanwhile."""
        for piece in pieces:
            try:
                self.socket.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                return True
        return False

    def _read(self, size: int) -> bytes:
        """Exactly `size` bytes; fewer when the peer has closed or reset."""
        data = b""
        while len(data) < size:
            try:
                more = self.socket.recv(size - len(data))
            except ConnectionResetError:
                break
            if not more:
                break
            data += more
        return data


def _text(text: str) -> bytes:
    """A string literal without Huffman coding (RFC 7541, section 5.2)."""
    data = text.encode()
    return _integer(len(data)) + data


def _integer(value: int) -> bytes:
    """An integer with a prefix of seven bits (RFC 7541, section 5.1)."""
    most = 0x7F
    if value < most:
        return bytes([value])
    value -= most
    octets = [most]
    while value > most:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*octets, value])
