"""Keys, together with what else decides whether they work: their organisation, project and owner."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import and_, bindparam, case, false, func, or_, select, update

from headworks.identity.adapters.sql.key_states import in_state
from headworks.identity.adapters.sql.statements import Sorting, add_rows, read_one, read_page, replace_row
from headworks.identity.adapters.tables import keys, memberships, organizations, projects, service_accounts, users
from headworks.identity.contracts import KeyOwner, KeyView
from headworks.identity.errors import KeyExists
from headworks.kernel.database import beyond
from headworks.kernel.sorting import Order

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.identity.adapters.sql.statements import Columns
    from headworks.identity.ports import KeyFilter
    from headworks.kernel.pagination import Page, PageRequest
    from headworks.kernel.permissions import Permission

_LISTS = ("allowed_models", "allowed_endpoints", "allowed_addresses")
_COMPUTED = frozenset({"permissions", "owner", "organization_state", "project_state", *_LISTS})
_PLAIN = tuple(name for name in KeyView.__slots__ if name not in _COMPUTED)

_is_users = keys.c.owner_kind == "user"
_is_accounts = keys.c.owner_kind == "service_account"
# Every join is by a primary or unique key, so a look-up stays a handful of steps in their indexes.
_KEYS = (
    select(
        keys,
        organizations.c.state.label("organization_state"),
        projects.c.state.label("project_state"),
        case((_is_users, users.c.name), else_=service_accounts.c.name).label("owner_name"),
        case((_is_users, users.c.state), else_=service_accounts.c.state).label("owner_state"),
        case((_is_users, memberships.c.role), else_=service_accounts.c.role).label("owner_role"),
        func.coalesce(users.c.is_operator, false()).label("owner_is_operator"),
    )
    .join(organizations, organizations.c.id == keys.c.organization_id)
    .join(projects, projects.c.id == keys.c.project_id)
    .outerjoin(users, and_(_is_users, users.c.id == keys.c.owner_id))
    .outerjoin(
        memberships,
        and_(
            _is_users, memberships.c.user_id == keys.c.owner_id, memberships.c.organization_id == keys.c.organization_id
        ),
    )
    .outerjoin(
        service_accounts,
        and_(
            _is_accounts,
            service_accounts.c.id == keys.c.owner_id,
            service_accounts.c.organization_id == keys.c.organization_id,
        ),
    )
)
# Built once: every flow that the engine misses asks them, or every change, and building costs as much as running.
_BY_ID = _KEYS.where(keys.c.organization_id == bindparam("organization_id"), keys.c.id == bindparam("key_id"))
_BY_HASH = _KEYS.where(keys.c.key_hash == bindparam("key_hash"))
_BY_FORMER_HASH = _KEYS.where(keys.c.previous_hash == bindparam("key_hash"))
_BY_SIGNER = _KEYS.where(keys.c.signer_hash == bindparam("key_hash"))

_SORTING = Sorting(
    {"name": keys.c.name, "kind": keys.c.kind, "created_at": keys.c.created_at},
    keys.c.id,
    (Order("created_at", descending=True),),
)


class SqlKeys:
    """`ports.Keys`."""

    def __init__(self, connection: AsyncConnection, organization_id: str) -> None:
        self._connection = connection
        self._organization_id = organization_id
        self._within = keys.c.organization_id == organization_id

    async def page(self, wanted: KeyFilter, at: datetime, page: PageRequest) -> Page[KeyView]:
        """See `ports.Keys`."""
        conditions = [self._within]
        for column, value in (("kind", wanted.kind), ("project_id", wanted.project_id), ("owner_id", wanted.owner_id)):
            if value is not None:
                conditions.append(keys.c[column] == value)
        if wanted.state is not None:
            conditions.append(in_state(self._organization_id, wanted.state, at))
        # Each key has its one organisation and project, so that none of the joins changes how many there are.
        counting = select(func.count()).select_from(keys).where(*conditions)
        return await read_page(self._connection, _KEYS.where(*conditions), page, key_of, _SORTING, counting)

    async def get(self, key_id: str) -> KeyView | None:
        """See `ports.Keys`."""
        wanted = {"organization_id": self._organization_id, "key_id": key_id}
        return await read_one(self._connection, _BY_ID, key_of, wanted)

    async def names(self, key_ids: Collection[str]) -> dict[str, str]:
        """See `ports.Keys`."""
        wanted = select(keys.c.id, keys.c.name).where(self._within, keys.c.id.in_(key_ids))
        return {row.id: row.name for row in await self._connection.execute(wanted)}

    async def managers(self, at: datetime) -> list[KeyView]:
        """See `ports.Keys`."""
        wanted = _KEYS.where(self._within, keys.c.kind == "management", in_state(self._organization_id, "active", at))
        return [key_of(row) for row in (await self._connection.execute(wanted.order_by(keys.c.id))).mappings()]

    async def add(self, new: Sequence[KeyView]) -> None:
        """See `ports.Keys`."""
        there = KeyExists("A key with this hash is known already; look for it in GET /api/v1/keys.")
        hashes = [key.key_hash for key in new]
        # The unique index knows current hashes only.
        former = select(func.count()).where(keys.c.previous_hash.in_(hashes))
        async with beyond(self._connection):
            is_former = await self._connection.scalar(former)
        if is_former:
            raise there
        await add_rows(self._connection, keys, [_columns(key) for key in new], there)

    async def replace(self, key: KeyView) -> None:
        """See `ports.Keys`."""
        await replace_row(self._connection, keys, _columns(key), None, self._within)


async def key_by_hash(connection: AsyncConnection, key_hash: str) -> KeyView | None:
    """See `ports.Overview`. One indexed select; more for a key that was rotated, signs, or is not known."""
    for by in (_BY_HASH, _BY_FORMER_HASH, _BY_SIGNER):
        found = await read_one(connection, by, key_of, {"key_hash": key_hash})
        if found is not None:
            return found.as_known_by(key_hash)
    return None


async def record_use(connection: AsyncConnection, key_id: str, at: datetime) -> None:
    """See `ports.Installation`."""
    earlier = or_(keys.c.last_used_at.is_(None), keys.c.last_used_at < at)
    await connection.execute(update(keys).where(keys.c.id == key_id, earlier).values(last_used_at=at))


def key_of(row: RowMapping) -> KeyView:
    """From a row of the select above."""
    lists: Columns = {name: None if row[name] is None else tuple(json.loads(row[name])) for name in _LISTS}
    values: dict[str, Any] = {name: row[name] for name in _PLAIN} | lists
    return KeyView(
        **values,
        permissions=cast("frozenset[Permission]", frozenset(str(row["permissions"]).split())),
        owner=_owner(row),
        organization_state=row["organization_state"],
        project_state=row["project_state"],
    )


def _owner(row: RowMapping) -> KeyOwner | None:
    if row["owner_kind"] is None:
        return None
    return KeyOwner(
        row["owner_kind"],
        row["owner_id"],
        row["owner_name"] or "",
        row["owner_role"],
        row["owner_state"] or "disabled",
        bool(row["owner_is_operator"]),
    )


def _columns(key: KeyView) -> Columns:
    lists = {name: getattr(key, name) for name in _LISTS}
    return {
        **{name: getattr(key, name) for name in _PLAIN},
        **{name: None if value is None else json.dumps(value) for name, value in lists.items()},
        "permissions": " ".join(sorted(key.permissions)),
        "owner_kind": None if key.owner is None else key.owner.kind,
        "owner_id": None if key.owner is None else key.owner.id,
    }
