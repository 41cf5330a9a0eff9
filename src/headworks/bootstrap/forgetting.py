"""What changes makes decisions old, wherever they are kept: in this process's engine, and in every gateway that watches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from headworks.catalog.contracts import CatalogChanged
from headworks.identity.contracts import (
    KeyChanged,
    ManyKeysChanged,
    MembershipChanged,
    OrganizationChanged,
    ProjectChanged,
    ServiceAccountChanged,
    UserChanged,
)
from headworks.kernel.events import MayHaveMissed
from headworks.ledger.contracts import BudgetChanged, LeasesWanted, MarkUpChanged
from headworks.limits.contracts import LimitsChanged

if TYPE_CHECKING:
    from headworks.gateway.ports import Listens
    from headworks.kernel.events import EventBus

# Each of these concerns many keys at once, and happens seldom.
_OF_ACCESS: Final[tuple[type, ...]] = (
    ManyKeysChanged,
    OrganizationChanged,
    ProjectChanged,
    UserChanged,
    MembershipChanged,
    ServiceAccountChanged,
)
_OF_TERMS: Final[tuple[type, ...]] = (CatalogChanged, LimitsChanged, MarkUpChanged)


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


def forget_on_changes(bus: EventBus, whoever: Listens) -> None:
    """Call it when all who remember on this side have subscribed: they must have forgotten before anybody asks again."""
    bus.subscribe(KeyChanged, lambda event: whoever.key(event.key_hash))
    for kind in _OF_ACCESS:
        bus.subscribe(kind, lambda _event: whoever.everything(access=True))
    for kind in _OF_TERMS:
        bus.subscribe(kind, lambda _event: whoever.everything(access=False))
    bus.subscribe(BudgetChanged, lambda event: whoever.budget(event.budget_id))
    bus.subscribe(LeasesWanted, lambda event: whoever.lease(event.budget_id))
    bus.subscribe(MayHaveMissed, lambda _event: whoever.missed())
