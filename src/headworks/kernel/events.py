"""What happened, told inside one process: contexts hear of each other's changes without knowing each other.

A handler runs in the publisher's thread and must be quick. What other processes must hear is also written to the database of whoever
tells it, in the transaction that it tells of (`kernel.database.announcements`), and published there by who reads it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

E = TypeVar("E")

_log = logger(__name__)

_MOST_TOLD: Final = 10_000


class Publish(Protocol):
    """Takes an event; hands it on, at once or after the transaction."""

    def __call__(self, event: object, /) -> None:
        """Tell `event`."""


@dataclass(frozen=True, slots=True)
class MayHaveMissed:
    """Another process may have changed anything, and this one was not told what: all that is remembered is to be read anew."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What a transaction tells once it is committed."""

    events: list[object] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    """Ids of the rows that tell other processes the same."""

    def __call__(self, event: object) -> None:
        """One more."""
        self.events.append(event)


class EventBus:
    """Handlers by type of event. Any thread may publish."""

    def __init__(self) -> None:
        self._handlers: dict[type, list[Callable[[object], None]]] = {}
        self._lock = threading.Lock()
        self._told: OrderedDict[str, None] = OrderedDict()

    def subscribe(self, kind: type[E], handler: Callable[[E], None]) -> None:
        """Call `handler` with every event of exactly this type."""

        def heard(event: object) -> None:
            if isinstance(event, kind):
                handler(event)

        self._handlers.setdefault(kind, []).append(heard)

    def publish(self, event: object) -> None:
        """Tell every subscriber now. One that fails is logged and does not keep the others from hearing."""
        for handler in self._handlers.get(type(event), ()):
            try:
                handler(event)
            except Exception:  # noqa: BLE001 - whatever it is, the change itself has been made
                _log.exception("event handler failed", kind=type(event).__name__)

    @contextmanager
    def after(self) -> Iterator[Collected]:
        """Collect events, and tell them when the block ends well: wrap it around a transaction."""
        collected = Collected()
        yield collected
        self.tell(collected)

    def tell(self, collected: Collected) -> None:
        """Publish what was committed."""
        self._note(collected.rows)
        for event in collected.events:
            self.publish(event)

    def was_told(self, row: str) -> bool:
        """Whether what a row tells was published in this process, by whoever wrote it."""
        with self._lock:
            return row in self._told

    def _note(self, rows: Iterable[str]) -> None:
        with self._lock:
            self._told.update(dict.fromkeys(rows))
            while len(self._told) > _MOST_TOLD:
                self._told.popitem(last=False)
