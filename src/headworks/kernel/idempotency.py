"""A request that is sent twice is done once: what the door knows of it, and what is kept of its answer.

The answer is kept in the transaction of the change itself, so that no crash can part them. The door says in the context that a
request is on its way, `kernel.web.envelope` puts the answer there, and the database writes it before it commits
(`kernel.database.replies`).
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from headworks.kernel.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT_FOR: Final = timedelta(hours=24)
MOST_KEPT: Final = 1_000
"""Answers that are kept for one caller; the oldest make room for new ones."""


class KeyReused(Invalid):
    """The same key, and another request."""

    code = "idempotency_key_reused"
    title = "The idempotency key belongs to another request"


class InProgress(Conflict):
    """The same request is being answered at this moment."""

    code = "idempotency_in_progress"
    title = "The same request is in progress"
    retry_after = 1
    """Seconds."""


class AnswerLost(Conflict):
    """The request was done, and its answer cannot be read any more."""

    code = "idempotency_answer_lost"
    title = "Done, and the answer is lost"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with an idempotency key. All three are SHA-256, hex."""

    caller: str
    key: str
    fingerprint: str
    """Of method, path, query and body."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it goes out."""

    status: int
    body: str = field(repr=False)
    headers: Mapping[str, str]


@dataclass(slots=True)
class Pending:
    """A request that may change something, on its way through the use case."""

    asked: Asked | None
    """None without an idempotency key."""
    reply: Reply | None = None
    answered: bool = False
    """Whether the route has made its answer; it must have before its transaction ends."""
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """What was answered, and to what."""

    fingerprint: str
    reply: Reply


class Replies(Protocol):
    """Where answers are kept."""

    async def recall(self, asked: Asked) -> Kept | None:
        """What this caller was answered under this key. None when there is nothing, or it is too old."""


_PENDING: ContextVar[Pending | None] = ContextVar("headworks_pending", default=None)


def pending() -> Pending | None:
    """The request that is on its way here."""
    return _PENDING.get()


class on_its_way:  # noqa: N801 - reads as `with on_its_way(pending):`
    """Let the block know which request it serves."""

    def __init__(self, what: Pending) -> None:
        self._what = what

    def __enter__(self) -> None:
        """From here on `pending()` gives it."""
        self._token = _PENDING.set(self._what)

    def __exit__(self, *_: object) -> None:
        _PENDING.reset(self._token)


def due() -> Pending | None:
    """What must be kept before the transaction ends that asks; None where nothing is.

    Raises LookupError in a route that makes its answer after its transaction: a crash between them would lose the answer, and
    repeating the request would do it twice.
    """
    found = pending()
    if found is None or found.kept:
        return None
    if not found.answered:
        message = "a route that takes POST makes its envelope inside its transaction, so that both are kept or none"
        raise LookupError(message)
    return found if found.asked is not None else None
