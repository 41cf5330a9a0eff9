"""What the controller needs: keys from identity, models and prices from the catalog, limits, and budgets from the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from headworks.catalog.contracts import PriceBook, Snapshot
    from headworks.dataplane.flow import Lease, LeaseQuestion, ReturnQuestion, Spent
    from headworks.dataplane.shares import ShareAsk, Shares, SharesQuestion
    from headworks.gateway.domain.registered import Registered
    from headworks.gateway.domain.roster import KnownGateway
    from headworks.gateway.domain.shares import Decision
    from headworks.identity.contracts import KeyView, SigningSecret
    from headworks.kernel.audit import Change
    from headworks.ledger.contracts import InForce
    from headworks.limits.contracts import Holding, Limit, Subject


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key, or that there is none, and how long ago that was last known to be true."""

    key: KeyView | None
    age_ms: int = 0


class Keys(Protocol):
    """Keys by their hash."""

    async def find(self, key_hash: str) -> FoundKey:
        """By the SHA-256 (hex) of the whole key. Raises Unavailable: an outage is never an unknown key."""


class Secrets(Protocol):
    """What keys sign with."""

    def __call__(self, key: KeyView, at: datetime) -> Sequence[SigningSecret]:
        """With what the key signs at that moment. Raises SealError, and needs no database."""


class Models(Protocol):
    """What organisations can call, and what that costs."""

    async def snapshot(self, organization_id: str) -> Snapshot:
        """The organisation's catalog, resolved. Raises Unavailable."""

    async def price_book(self) -> PriceBook:
        """Every price, to be asked without waiting. Raises Unavailable."""


class Limits(Protocol):
    """How much may be asked for in a time."""

    async def limits_for(self, subject: Subject) -> Holding:
        """Every limit that a request of `subject` is held to. Raises Unavailable."""


class Windows(Protocol):
    """What was used before this gateway began to count."""

    async def used(self, limit: Limit, at: datetime) -> tuple[tuple[int, int], ...]:
        """(second since 1970, amount) of what the limit's window holds already; nothing where that cannot be known."""


class Budgets(Protocol):
    """How much may be spent."""

    async def in_force(
        self, organization_id: str, project_id: str, key_id: str, user_id: str, model: str, at: datetime
    ) -> InForce:
        """The budgets that such requests count for, and the mark-up on them; "" for no user. Raises Unavailable."""


class LeaseOffice(Protocol):
    """Leases on budgets."""

    async def grant(self, wanted: LeaseQuestion) -> Lease | Spent:
        """Make the gateway's hold larger by at least what it needs, or say that there is not so much left.

        Raises Unavailable; a budget or period that is not there is Spent, of nothing.
        """

    async def take_back(self, returned: ReturnQuestion) -> None:
        """Make the gateway's hold smaller, by no more than what it holds. Raises Unavailable."""


class ShareOffice(Protocol):
    """Who may count how much of each limit: `domain/shares.py` has the rules."""

    async def take(self, life: str, asks: Sequence[ShareAsk]) -> Sequence[Decision]:
        """Note what a life of a gateway tells, and decide; each as one step that nobody else comes between. Raises Unavailable."""

    async def recall(self, limit_id: str) -> None:
        """Have all gateways give back what they have to spare of the limit. Raises Unavailable."""


class AsksShares(Protocol):
    """How gateways ask for shares."""

    async def ask(self, question: SharesQuestion) -> Shares:
        """Raises Unavailable: then a gateway counts by itself."""


class Releases(Protocol):
    """What gateways held when they died."""

    async def settled(self, source: str, event_ids: Sequence[str]) -> bool:
        """Whether each of these requests of the gateway has been settled. Raises Unavailable."""

    async def release(self, source: str, life: str) -> int:
        """All that the gateway holds in other lives comes back; how much it was. Raises Unavailable."""


class Holdings(Protocol):
    """What gateways hold of budgets, for people to see."""

    async def held_by(self, source: str) -> int:
        """All that the gateway holds, of every organisation's budgets, in nanodollars. Raises DatabaseUnavailable."""


class Register(Protocol):
    """Which gateways there are, and which are to drain: what control planes tell each other."""

    async def note(self, control: str, known: Sequence[KnownGateway], newest: int, at: datetime) -> None:
        """What a control plane has heard. Of one that is away it says nothing where another one has noted it since.

        What nobody noted for longer than gateways are remembered goes. Raises DatabaseUnavailable.
        """

    async def gateways(self, at: datetime) -> list[Registered]:
        """As they stand at that moment, by id. Raises DatabaseUnavailable."""

    async def to_drain(self) -> frozenset[str]:
        """Ids of gateways. Raises DatabaseUnavailable."""

    async def drain(self, gateway: str, at: datetime, noted: Change) -> None:
        """From that moment on; `noted` is for the trail, in the same transaction. Nothing where it is so already. Raises DatabaseUnavailable."""

    async def undrain(self, gateway: str, noted: Change) -> None:
        """No longer, in the same way. Raises DatabaseUnavailable."""


class Forgets(Protocol):
    """Whoever goes by what was decided before. Any thread may call it."""

    def key(self, key_hash: str) -> None:
        """What was decided for this key holds no longer."""

    def everything(self, *, access: bool) -> None:
        """No decision holds any longer. `access`: somebody may have lost theirs, so nobody may go by memory either."""

    def missed(self) -> None:
        """Anything may have changed, and nobody can tell what: as `everything`, but what is kept for an outage stays."""

    def budget(self, budget_id: str) -> None:
        """There may be less of this budget now, or more: leases on it are to be given back, and all is to be asked for anew."""


class Recalls(Protocol):
    """Whoever has leases on budgets, and shares of limits. Any thread may call it."""

    def lease(self, budget_id: str) -> None:
        """Others need what is left of the leases on this budget. Nothing has changed."""

    def share(self, limit_id: str) -> None:
        """Others need what is to spare of the share in this limit; of every share, where none is named."""


class Listens(Forgets, Recalls, Protocol):
    """What a gateway does when it hears something."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """All whom the controller asks."""

    keys: Keys
    secrets: Secrets
    models: Models
    limits: Limits
    windows: Windows
    budgets: Budgets
    leases: LeaseOffice
