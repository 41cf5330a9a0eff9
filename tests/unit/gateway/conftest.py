"""A key, a catalog and the questions that are asked of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from headworks.catalog.contracts import PriceBook, Route, RouteTarget, Snapshot, VisibleModel
from headworks.catalog.errors import CatalogUnavailable
from headworks.dataplane.flow import Question
from headworks.gateway.adapters.memory import MemoryLeaseOffice
from headworks.gateway.ports import FoundKey, LeaseOffice, Neighbours
from headworks.gateway.settings import GatewaySettings
from headworks.gateway.tasks import Controller
from headworks.identity.contracts import KeyView, SigningSecret
from headworks.kernel.errors import Unavailable
from headworks.kernel.permissions import INFERENCE
from headworks.kernel.secrets import Secret
from headworks.ledger.contracts import InForce
from headworks.limits.contracts import Holding, Limit, Subject

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
KEY_HASH = "a" * 64
CANARY = "sk-provider-canary-5f3a9d"


def key(**changes: object) -> KeyView:
    whole = KeyView(
        id="key_1",
        organization_id="org_1",
        project_id="prj_1",
        name="Key",
        kind="inference",
        permissions=INFERENCE,
        key_hash=KEY_HASH,
        prefix="hw_sk_",
        last4="abcd",
        created_at=NOON,
        created_by="system",
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def target(**changes: object) -> RouteTarget:
    whole = RouteTarget(
        deployment_id="dep_1",
        provider_id="prv_1",
        dialect="openai",
        base_url="https://models.example/v1",
        upstream_model="gpt",
        weight=2,
        stream_usage=False,
        credential_id="prv_1.1",
        credential=Secret(CANARY),
        private_network=True,
        max_output_tokens=4096,
    )
    # Not dataclasses.replace: a Secret may be handed on, but not copied.
    return RouteTarget(**{name: changes.get(name, getattr(whole, name)) for name in RouteTarget.__slots__})  # type: ignore[arg-type]


def snapshot(
    *names: str, hidden: tuple[str, ...] = (), targets: tuple[RouteTarget, ...] | None = None, **changes: object
) -> Snapshot:
    behind = (target(),) if targets is None else targets
    whole = Snapshot(
        organization_id="org_1",
        revision=7,
        routes={name: Route(name, behind, "provider-1", NOON) for name in (*names, *hidden)},
        visible=tuple(VisibleModel(f"mdl_{name}", name, "manual") for name in names),
        whole_provider=None,
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def question(model: str | None = "fast", endpoint: str = "chat/completions") -> Question:
    return Question(KEY_HASH, model, endpoint, "req_1")


@dataclass
class World:
    """The controller's ports."""

    key: KeyView | None = field(default_factory=key)
    snapshot_: Snapshot = field(default_factory=lambda: snapshot("fast", "slow"))
    age_ms: int = 0
    failure: Callable[[], Exception] | None = None
    catalog_fails: bool = False
    signing: Sequence[SigningSecret] = ()
    holding: Holding = field(default_factory=lambda: Holding(()))
    in_force_: InForce = field(default_factory=lambda: InForce((), 0, None))
    book: PriceBook = field(default_factory=lambda: PriceBook({}, {}, 1))
    asked: list[Subject] = field(default_factory=list)
    used_: tuple[tuple[int, int], ...] = ()

    def secrets(self, key: KeyView, at: datetime) -> Sequence[SigningSecret]:
        assert (key, at) == (self.key, NOON)
        return self.signing

    async def find(self, key_hash: str) -> FoundKey:
        assert self.key is None or key_hash in self.key.hashes
        if self.failure:
            raise self.failure()
        return FoundKey(self.key, self.age_ms)

    async def snapshot(self, organization_id: str) -> Snapshot:
        assert self.key is not None
        assert organization_id == self.key.organization_id
        if self.catalog_fails:
            raise CatalogUnavailable("down")
        return self.snapshot_

    async def price_book(self) -> PriceBook:
        return self.book

    async def limits_for(self, subject: Subject) -> Holding:
        self.asked.append(subject)
        return self.holding

    async def used(self, limit: Limit, at: datetime) -> tuple[tuple[int, int], ...]:
        assert (limit in self.holding.limits, at) == (True, NOON)
        return self.used_

    async def in_force(
        self, organization_id: str, project_id: str, key_id: str, user_id: str, model: str, at: datetime
    ) -> InForce:
        assert self.asked[-1] == Subject(organization_id, project_id, key_id, user_id or None, model)
        assert at == NOON
        return self.in_force_


def controller_of(
    world: World, *, leases: LeaseOffice | None = None, settings: GatewaySettings | None = None
) -> Controller:
    neighbours = Neighbours(world, world.secrets, world, world, world, world, leases or MemoryLeaseOffice())
    return Controller(neighbours, settings or GatewaySettings(), lambda: NOON)


def outage() -> Exception:
    return Unavailable("down")


@pytest.fixture
def world() -> World:
    return World()
