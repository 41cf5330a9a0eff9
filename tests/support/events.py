"""A bus that a test listens to."""

from __future__ import annotations

from headworks.kernel.events import EventBus


class Overheard(EventBus):
    """Writes down whatever is published."""

    def __init__(self, heard: list[object]) -> None:
        super().__init__()
        self._heard = heard

    def publish(self, event: object) -> None:
        """One more."""
        self._heard.append(event)
        super().publish(event)
