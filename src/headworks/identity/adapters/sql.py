"""Identity in a relational database."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from sqlalchemy import and_, bindparam, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from headworks.identity.adapters.tables import TRAIL, keys, organizations, projects
from headworks.identity.contracts import KeyView, Organization, Project
from headworks.identity.errors import KeyExists
from headworks.kernel.database import is_duplicate
from headworks.kernel.pagination import Page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection
    from datetime import datetime
    from typing import TypeVar

    from sqlalchemy import ColumnElement, Row, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.identity.contracts import KeyState
    from headworks.identity.ports import KeyFilter
    from headworks.kernel.audit import Change
    from headworks.kernel.database import Database
    from headworks.kernel.events import EventBus, Publish
    from headworks.kernel.pagination import PageRequest
    from headworks.kernel.permissions import Permission

    T = TypeVar("T")

# Built once: every flow that the engine misses asks it, and building costs as much as running.
_BY_HASH = select(keys).where(keys.c.key_hash == bindparam("key_hash"))


class SqlReading:
    """Look-ups on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def organizations(self, organization_id: str | None, page: PageRequest) -> Page[Organization]:
        """See `ports.Reading`."""
        wanted = select(organizations).order_by(organizations.c.created_at, organizations.c.id)
        if organization_id is not None:
            wanted = wanted.where(organizations.c.id == organization_id)
        return await self._page(wanted, page, _organization)

    async def projects(self, organization_id: str, page: PageRequest) -> Page[Project]:
        """See `ports.Reading`."""
        wanted = select(projects).where(projects.c.organization_id == organization_id)
        return await self._page(wanted.order_by(projects.c.created_at, projects.c.id), page, _project)

    async def project(self, organization_id: str, project_id: str) -> Project | None:
        """See `ports.Reading`."""
        wanted = select(projects).where(projects.c.organization_id == organization_id, projects.c.id == project_id)
        row = (await self._connection.execute(wanted)).first()
        return None if row is None else _project(row)

    async def key(self, organization_id: str, key_id: str) -> KeyView | None:
        """See `ports.Reading`."""
        wanted = select(keys).where(keys.c.organization_id == organization_id, keys.c.id == key_id)
        row = (await self._connection.execute(wanted)).first()
        return None if row is None else _key(row)

    async def key_by_hash(self, key_hash: str) -> KeyView | None:
        """See `ports.Reading`."""
        row = (await self._connection.execute(_BY_HASH, {"key_hash": key_hash})).first()
        return None if row is None else _key(row)

    async def keys(self, organization_id: str, wanted: KeyFilter, at: datetime, page: PageRequest) -> Page[KeyView]:
        """See `ports.Reading`."""
        rows = select(keys).where(keys.c.organization_id == organization_id)
        if wanted.kind is not None:
            rows = rows.where(keys.c.kind == wanted.kind)
        if wanted.project_id is not None:
            rows = rows.where(keys.c.project_id == wanted.project_id)
        if wanted.state is not None:
            rows = rows.where(_in_state(wanted.state, at))
        return await self._page(rows.order_by(keys.c.id.desc()), page, _key)

    async def key_names(self, organization_id: str, key_ids: Collection[str]) -> dict[str, str]:
        """See `ports.Reading`."""
        wanted = select(keys.c.id, keys.c.name).where(keys.c.organization_id == organization_id)
        rows = await self._connection.execute(wanted.where(keys.c.id.in_(key_ids)))
        return {row.id: row.name for row in rows}

    async def managers(self, organization_id: str, at: datetime) -> list[KeyView]:
        """See `ports.Reading`."""
        wanted = select(keys).where(
            keys.c.organization_id == organization_id, keys.c.kind == "management", _in_state("active", at)
        )
        return [_key(row) for row in await self._connection.execute(wanted)]

    async def _page(
        self, wanted: Select[tuple[object, ...]], page: PageRequest, read: Callable[[Row[tuple[object, ...]]], T]
    ) -> Page[T]:
        total = await self._connection.scalar(select(func.count()).select_from(wanted.order_by(None).subquery()))
        rows = await self._connection.execute(wanted.limit(page.per_page).offset(page.offset))
        return Page([read(row) for row in rows], int(total or 0), page)


class SqlUnit(SqlReading):
    """One transaction."""

    def __init__(self, connection: AsyncConnection, publish: Publish) -> None:
        super().__init__(connection)
        self.publish = publish
        self.changes: list[Change] = []

    def audit(self, change: Change) -> None:
        """See `ports.Unit`."""
        self.changes.append(change)

    async def add_organization(self, organization: Organization) -> None:
        """See `ports.Unit`."""
        await self._connection.execute(
            insert(organizations).values(id=organization.id, name=organization.name, created_at=organization.created_at)
        )

    async def add_project(self, project: Project) -> None:
        """See `ports.Unit`."""
        await self._connection.execute(
            insert(projects).values(
                id=project.id,
                organization_id=project.organization_id,
                name=project.name,
                created_at=project.created_at,
            )
        )

    async def add_key(self, key: KeyView) -> None:
        """See `ports.Unit`."""
        try:
            await self._connection.execute(insert(keys).values(_columns(key)))
        except IntegrityError as error:
            if not is_duplicate(error):
                raise
            raise KeyExists("A key with this hash is known already; look for it in GET /api/v1/keys.") from error

    async def replace_key(self, key: KeyView) -> None:
        """See `ports.Unit`."""
        await self._connection.execute(update(keys).where(keys.c.id == key.id).values(_columns(key)))

    async def record_use(self, key_id: str, at: datetime) -> None:
        """See `ports.Unit`."""
        earlier = or_(keys.c.last_used_at.is_(None), keys.c.last_used_at < at)
        await self._connection.execute(update(keys).where(keys.c.id == key_id, earlier).values(last_used_at=at))


class SqlStore:
    """`ports.Store` on a database with the tables of `tables.SCHEMA`."""

    def __init__(self, database: Database, bus: EventBus) -> None:
        self._database = database
        self._bus = bus

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlUnit]:
        """See `ports.Store`."""
        with self._bus.after() as publish:
            async with self._database.transaction() as connection:
                unit = SqlUnit(connection, publish)
                yield unit
                await TRAIL.append(connection, unit.changes)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqlReading]:
        """See `ports.Store`."""
        async with self._database.read() as connection:
            yield SqlReading(connection)


def _in_state(state: KeyState, at: datetime) -> ColumnElement[bool]:
    revoked = and_(keys.c.revoked_at.is_not(None), keys.c.revoked_at <= at)
    expired = and_(keys.c.expires_at.is_not(None), keys.c.expires_at <= at)
    if state == "revoked":
        return revoked
    return and_(~revoked, expired if state == "expired" else ~expired)


def _organization(row: Row[tuple[object, ...]]) -> Organization:
    return Organization(**row._mapping)  # noqa: SLF001 - as below


def _project(row: Row[tuple[object, ...]]) -> Project:
    return Project(**row._mapping)  # noqa: SLF001 - as below


def _key(row: Row[tuple[object, ...]]) -> KeyView:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public accessor, named so as not to hide a column
    models = values.pop("allowed_models")
    permissions = cast("frozenset[Permission]", frozenset(str(values.pop("permissions")).split()))
    return KeyView(
        **values, permissions=permissions, allowed_models=None if models is None else tuple(json.loads(models))
    )


def _columns(key: KeyView) -> dict[str, object]:
    return {
        "id": key.id,
        "organization_id": key.organization_id,
        "project_id": key.project_id,
        "name": key.name,
        "kind": key.kind,
        "permissions": " ".join(sorted(key.permissions)),
        "key_hash": key.key_hash,
        "prefix": key.prefix,
        "last4": key.last4,
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
        "allowed_models": None if key.allowed_models is None else json.dumps(key.allowed_models),
    }
