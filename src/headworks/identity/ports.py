"""What identity needs from outside: somewhere to keep its things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from headworks.identity.contracts import KeyKind, KeyState, KeyView, Organization, Project
    from headworks.kernel.audit import Change
    from headworks.kernel.pagination import Page, PageRequest


@dataclass(frozen=True, slots=True)
class KeyFilter:
    """Which keys to list; None asks for all."""

    kind: KeyKind | None = None
    state: KeyState | None = None
    project_id: str | None = None


class Reading(Protocol):
    """Look-ups. Each takes the organisation, except where a hash or the whole installation is what is asked for."""

    async def organizations(self, organization_id: str | None, page: PageRequest) -> Page[Organization]:
        """The oldest first; None for all of the installation."""

    async def projects(self, organization_id: str, page: PageRequest) -> Page[Project]:
        """The oldest first."""

    async def project(self, organization_id: str, project_id: str) -> Project | None:
        """None when the organisation has no such project."""

    async def key(self, organization_id: str, key_id: str) -> KeyView | None:
        """None when the organisation has no such key."""

    async def key_by_hash(self, key_hash: str) -> KeyView | None:
        """Of any organisation: the hash is the proof."""

    async def keys(self, organization_id: str, wanted: KeyFilter, at: datetime, page: PageRequest) -> Page[KeyView]:
        """The newest first."""

    async def key_names(self, organization_id: str, key_ids: Collection[str]) -> dict[str, str]:
        """By id; ids of no key of the organisation are left out."""

    async def managers(self, organization_id: str, at: datetime) -> list[KeyView]:
        """Every management key that works at that moment."""


class Unit(Reading, Protocol):
    """One transaction: all of it happens, or nothing. Its events are told after the commit."""

    async def add_organization(self, organization: Organization) -> None:
        """Keep a new one."""

    async def add_project(self, project: Project) -> None:
        """Keep a new one."""

    async def add_key(self, key: KeyView) -> None:
        """Keep a new one. Raises KeyExists when its hash is known."""

    async def replace_key(self, key: KeyView) -> None:
        """Overwrite the one with this id."""

    async def record_use(self, key_id: str, at: datetime) -> None:
        """Move `last_used_at` forward, never back."""

    def audit(self, change: Change) -> None:
        """Write `change` to the audit trail, in this transaction."""

    def publish(self, event: object) -> None:
        """Tell `event` once the transaction is committed."""


class Store(Protocol):
    """Where identity is kept."""

    def transaction(self) -> AbstractAsyncContextManager[Unit]:
        """Commits at the end of the block, unless it raises."""

    def read(self) -> AbstractAsyncContextManager[Reading]:
        """Look-ups only."""
