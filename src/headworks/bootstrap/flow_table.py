"""What a change does to this process's engine. It knows of no context: a gateway, which has none, does not load them for it."""

from __future__ import annotations

from typing import Protocol


class FlowTable(Protocol):
    """As much of the engine as a change concerns. Any thread may call it."""

    def invalidate_key(self, key_hash: str) -> None:
        """Forget what was decided for a key."""

    def invalidate_all(self) -> None:
        """Forget every decision."""

    def recall(self, budget_id: str) -> None:
        """Give back the leases on a budget."""

    def recall_share(self, limit_id: str) -> None:
        """Give back what is to spare of a share."""


class EngineForgets:
    """The ports `Forgets` and `Recalls` on the engine."""

    def __init__(self, engine: FlowTable) -> None:
        self._engine = engine

    def key(self, key_hash: str) -> None:
        """See the port."""
        self._engine.invalidate_key(key_hash)

    def everything(self, *, access: bool) -> None:  # noqa: ARG002 - the engine goes by memory in neither case
        """See the port."""
        self._engine.invalidate_all()

    def missed(self) -> None:
        """See the port."""
        self._engine.invalidate_all()

    def budget(self, budget_id: str) -> None:
        """See the port."""
        self._engine.recall(budget_id)
        self._engine.invalidate_all()

    def lease(self, budget_id: str) -> None:
        """See the port."""
        self._engine.recall(budget_id)

    def share(self, limit_id: str) -> None:
        """See the port."""
        self._engine.recall_share(limit_id)
