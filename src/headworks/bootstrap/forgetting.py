"""What changes makes decisions old, wherever they are kept: in this process's engine, and in every gateway that watches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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
