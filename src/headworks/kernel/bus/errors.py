"""What goes wrong on the way: with the bus, and with a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.kernel.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable


class BusUnavailable(Unavailable):
    """The broker did not confirm in time. Messages may have been taken: publish the same again, with the same ids."""

    code = "bus_unavailable"
    title = "The message broker is not available"


class BusFull(Unavailable):
    """A queue is as long as its policy lets it be. What it refused is still the publisher's."""

    code = "bus_full"
    title = "A queue is full"


class BusRefused(Unavailable):
    """The broker does not let us in, or has queues that are not as ours must be: somebody must mend the settings."""

    code = "bus_refused"
    title = "The message broker refuses us"


class Poison(Exception):
    """Raised by a handler: these messages can never be handled. Nothing of the batch was committed.

    They become dead letters, and the rest of the batch is handled at once.
    """

    def __init__(self, ids: Iterable[str], why: str) -> None:
        super().__init__(why)
        self.ids = frozenset(ids)
        self.why = why
        """For the log; holds no secret."""
