"""Keys, together with what else decides whether they work: their organisation, project and owner."""

from __future__ import annotations

from dataclasses import replace as changed
from typing import TYPE_CHECKING

from headworks.identity.adapters.memory.tables import page_of, replace
from headworks.identity.contracts import KeyOwner
from headworks.identity.errors import KeyExists

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from headworks.identity.adapters.memory.tables import Tables
    from headworks.identity.contracts import KeyView
    from headworks.identity.ports import KeyFilter
    from headworks.kernel.pagination import Page, PageRequest


class MemoryKeys:
    """`ports.Keys`."""

    def __init__(self, tables: Tables, organization_id: str) -> None:
        self._tables = tables
        self._organization_id = organization_id

    async def page(self, wanted: KeyFilter, at: datetime, page: PageRequest) -> Page[KeyView]:
        """See `ports.Keys`."""
        found = [
            key
            for key in self._own()
            if wanted.kind in (None, key.kind)
            and wanted.project_id in (None, key.project_id)
            and wanted.owner_id in (None, None if key.owner is None else key.owner.id)
            and wanted.state in (None, key.state(at))
        ]
        return page_of(found, page, "-created_at")

    async def get(self, key_id: str) -> KeyView | None:
        """See `ports.Keys`."""
        return next((key for key in self._own() if key.id == key_id), None)

    async def names(self, key_ids: Collection[str]) -> dict[str, str]:
        """See `ports.Keys`."""
        return {key.id: key.name for key in self._own() if key.id in key_ids}

    async def managers(self, at: datetime) -> list[KeyView]:
        """See `ports.Keys`."""
        own = sorted(self._own(), key=lambda key: key.id)
        return [key for key in own if key.kind == "management" and key.state(at) == "active"]

    async def add(self, new: Sequence[KeyView]) -> None:
        """See `ports.Keys`."""
        known = {key_hash for key in self._tables.keys.values() for key_hash in key.hashes}
        for key in new:
            if not known.isdisjoint(key.hashes):
                raise KeyExists("A key with this hash is known already; look for it in GET /api/v1/keys.")
            known.update(key.hashes)
            self._tables.keys[key.id] = key

    async def replace(self, key: KeyView) -> None:
        """See `ports.Keys`."""
        replace(self._tables.keys, key)

    def _own(self) -> list[KeyView]:
        own = [key for key in self._tables.keys.values() if key.organization_id == self._organization_id]
        return [whole(self._tables, key) for key in own]


def key_by_hash(tables: Tables, key_hash: str) -> KeyView | None:
    """See `ports.Overview`."""
    found = next((key for key in tables.keys.values() if key_hash in key.hashes), None)
    return None if found is None else whole(tables, found).as_known_by(key_hash)


def record_use(tables: Tables, key_id: str, at: datetime) -> None:
    """See `ports.Installation`."""
    key = tables.keys.get(key_id)
    if key is not None and (key.last_used_at is None or key.last_used_at < at):
        tables.keys[key_id] = changed(key, last_used_at=at)


def whole(tables: Tables, key: KeyView) -> KeyView:
    """The key with what its surroundings are now."""
    return changed(
        key,
        organization_state=tables.organizations[key.organization_id].state,
        project_state=tables.projects[key.project_id].state,
        owner=None if key.owner is None else _owner(tables, key, key.owner),
    )


def _owner(tables: Tables, key: KeyView, owner: KeyOwner) -> KeyOwner:
    if owner.kind == "service_account":
        account = tables.service_accounts[owner.id]
        return KeyOwner("service_account", owner.id, account.name, account.role, account.state)
    user = tables.users[owner.id]
    roles = [
        membership.role
        for membership in tables.memberships.values()
        if (membership.organization_id, membership.user_id) == (key.organization_id, owner.id)
    ]
    return KeyOwner("user", owner.id, user.name, roles[0] if roles else None, user.state, user.is_operator)
