"""Asking a server which models it has: `GET /models`, the free question that OpenAI-compatible servers answer.

With the standard library on a thread of its own, since an HTTP client would cost every start more than it saves here.
Redirects are not followed and no proxy is used, so that a key goes to its provider and to nobody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_BYTES = 8 * 1024 * 1024
MOST_MODELS = 5_000

_PIECE_BYTES = 64 * 1024
_OK = 200
_REFUSALS = frozenset({401, 403})

Why = Literal["absent", "refused", "unusable"]
"""absent: nothing answered in time; refused: the key is wrong, or missing; unusable: the answer is no list of models."""


class ListingFailed(Exception):
    """There is no list. `message` tells people why, without a secret."""

    def __init__(self, why: Why, message: str) -> None:
        super().__init__(message)
        self.why = why
        self.message = message


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds."""

    connect: float
    total: float


async def list_models(url: str, headers: Mapping[str, str], patience: Patience) -> tuple[str, ...]:
    """The ids in the list of models at `url`, in the server's order. Raises ListingFailed."""
    try:
        async with asyncio.timeout(patience.total):
            status, body = await _on_a_thread(lambda: _fetch(url, headers, patience))
    except TimeoutError as error:
        raise ListingFailed("absent", f"did not answer within {patience.total:g} s") from error
    except (OSError, http.client.HTTPException) as error:
        raise ListingFailed("absent", f"cannot be reached ({_reason(error)})") from error
    if status in _REFUSALS:
        raise ListingFailed("refused", f"answered {status}")
    if status != _OK:
        raise ListingFailed("unusable", f"answered {status}")
    return read_models(body)


def read_models(body: bytes) -> tuple[str, ...]:
    """The ids in an OpenAI-shaped list of models. Raises ListingFailed when it is something else.

    A server without models may say `null` for its list, as Ollama does.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ListingFailed("unusable", "answered something that is not JSON") from error
    if not isinstance(document, dict) or "data" not in document:
        raise ListingFailed("unusable", "answered no list of models")
    items = [] if document["data"] is None else document["data"]
    if not isinstance(items, list):
        raise ListingFailed("unusable", "answered no list of models")
    ids = [item.get("id") for item in items if isinstance(item, dict)]
    return tuple(dict.fromkeys(name for name in ids if isinstance(name, str) and name))[:MOST_MODELS]


def _fetch(url: str, headers: Mapping[str, str], patience: Patience) -> tuple[int, bytes]:
    parts = urlsplit(url)
    host, path = parts.hostname or "", urlunsplit(("", "", parts.path, parts.query, ""))
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        raise ListingFailed("unusable", "has an address that is not http://host/… or https://host/…")
    connection = (
        http.client.HTTPSConnection(host, parts.port, timeout=patience.connect, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=patience.connect)
    )
    try:
        connection.connect()
        connection.sock.settimeout(patience.total)
        connection.request("GET", path, headers={**headers, "accept": "application/json", "connection": "close"})
        answer = connection.getresponse()
        return answer.status, _bounded(answer)
    finally:
        connection.close()


def _bounded(answer: http.client.HTTPResponse) -> bytes:
    body = bytearray()
    while piece := answer.read(_PIECE_BYTES):
        body += piece
        if len(body) > MOST_BYTES:
            raise ListingFailed("unusable", f"answered more than {MOST_BYTES // 1024 // 1024} MiB")
    return bytes(body)


async def _on_a_thread(work: Callable[[], tuple[int, bytes]]) -> tuple[int, bytes]:
    """Run `work` on a daemon thread: one that hangs in a name look-up must not keep the process from stopping."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[int, bytes]] = loop.create_future()

    def settle(result: tuple[int, bytes] | None, error: Exception | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        elif result is not None:
            done.set_result(result)

    def run() -> None:
        result: tuple[int, bytes] | None = None
        failure: Exception | None = None
        try:
            result = work()
        except (OSError, http.client.HTTPException, ListingFailed) as error:
            failure = error
        except ValueError:
            # The text of the error would quote the key.
            failure = ListingFailed("unusable", "has an address or a key with characters that HTTP does not allow")
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile, and nobody waits any more
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="discovery", daemon=True).start()
    return await done


def _reason(error: Exception) -> str:
    """As short as it can be said: the system's words without its numbers."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
