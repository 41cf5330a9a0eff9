"""The door for other contexts and for bootstrap: frozen values in, frozen values out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.identity import commands, queries
from headworks.identity.commands import FirstKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from headworks.identity.contracts import KeyView
    from headworks.identity.ports import Store
    from headworks.kernel.clock import Clock
    from headworks.kernel.principal import Principal

__all__ = ["FirstKeys", "Foothold", "IdentityFacade"]


@dataclass(frozen=True, slots=True)
class Foothold:
    """Where an installation begins."""

    organization_id: str
    keys: FirstKeys | None
    """Where they were just made."""


@dataclass(frozen=True, slots=True)
class IdentityFacade:
    """Identity, as the rest of Headworks sees it."""

    store: Store
    clock: Clock

    async def find_key_by_hash(self, key_hash: str) -> KeyView | None:
        """The key with this SHA-256 (hex), whatever its state; None when there is none. One indexed select."""
        async with self.store.read() as reading:
            return await reading.key_by_hash(key_hash)

    async def authenticate(self, token: str) -> Principal:
        """Who holds this management key. Raises InvalidKey, WrongKindOfKey, Unavailable."""
        async with self.store.read() as reading:
            return await queries.authenticate(reading, token, self.clock())

    async def key_names(self, organization_id: str, key_ids: Collection[str]) -> dict[str, str]:
        """The names of those of the organisation's keys that exist, by id."""
        async with self.store.read() as reading:
            return await reading.key_names(organization_id, key_ids)

    async def ensure_access(self, *, has_credentials: bool, keep: Callable[[FirstKeys], None]) -> Foothold:
        """The installation's first organisation; made here at a first start, with its project and first keys.

        Where the credentials were lost, keys are made too. `keep` stores them before they are committed, so that no kill
        leaves valid keys that nobody has.
        """
        async with self.store.transaction() as unit:
            founder, is_new = await commands.find_founder(unit, self.clock())
            if has_credentials and not is_new:
                return Foothold(founder.organization_id, None)
            keys = await commands.issue_first_keys(unit, founder, self.clock())
            keep(keys)
            return Foothold(founder.organization_id, keys)

    async def record_uses(self, last_uses: Mapping[str, datetime]) -> None:
        """Note when keys, by id, were used last."""
        async with self.store.transaction() as unit:
            for key_id, at in last_uses.items():
                await unit.record_use(key_id, at)
