"""What happened, told inside one process: contexts hear of each other's changes without knowing each other.

A handler runs in the publisher's thread and must be quick. Events that another process must hear go through a queue.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

E = TypeVar("E")

_log = logger(__name__)


class Publish(Protocol):
    """Takes an event; hands it on, at once or after the transaction."""

    def __call__(self, event: object, /) -> None:
        """Tell `event`."""


class EventBus:
    """Handlers by type of event."""

    def __init__(self) -> None:
        self._handlers: dict[type, list[Callable[[object], None]]] = {}

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
    def after(self) -> Iterator[Publish]:
        """Collect events, and tell them when the block ends well: wrap it around a transaction."""
        events: list[object] = []
        yield events.append
        for event in events:
            self.publish(event)
