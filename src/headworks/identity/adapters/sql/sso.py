"""Connections of one organisation, and sign-ins by a directory that are on their way."""

from __future__ import annotations

import json
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from headworks.identity.adapters.sql.statements import (
    Sorting,
    add_rows,
    columns_of,
    read_one,
    read_page,
    replace_row,
    value_of,
)
from headworks.identity.adapters.sso_tables import attempts, connections, handovers, subjects
from headworks.identity.contracts import GroupRole, SsoAttempt, SsoConnection, SsoHandover
from headworks.identity.errors import NameInUse
from headworks.kernel.sorting import Order
from headworks.kernel.text import comparable

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import RowMapping, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.identity.adapters.sql.statements import Columns
    from headworks.kernel.pagination import Page, PageRequest

_SORTING = Sorting(
    {name: connections.c[name] for name in ("name", "created_at")}, connections.c.id, (Order("created_at"),)
)


class SqlSsoConnections:
    """`ports.SsoConnections`."""

    def __init__(self, connection: AsyncConnection, organization_id: str) -> None:
        self._connection = connection
        self._organization_id = organization_id
        self._within = connections.c.organization_id == organization_id
        self._subjects_within = subjects.c.organization_id == organization_id

    async def page(self, page: PageRequest) -> Page[SsoConnection]:
        """See `ports.SsoConnections`."""
        return await read_page(self._connection, select(connections).where(self._within), page, _value, _SORTING)

    async def get(self, connection_id: str) -> SsoConnection | None:
        """See `ports.SsoConnections`."""
        wanted = select(connections).where(self._within, connections.c.id == connection_id)
        return await read_one(self._connection, wanted, _value)

    async def enabled(self) -> list[SsoConnection]:
        """See `ports.SsoConnections`."""
        wanted = select(connections).where(self._within, connections.c.enabled)
        rows = await self._connection.execute(wanted.order_by(connections.c.created_at, connections.c.id))
        return [_value(row) for row in rows.mappings()]

    async def add(self, connection: SsoConnection) -> None:
        """See `ports.SsoConnections`."""
        await add_rows(self._connection, connections, [_columns(connection)], _taken(connection))

    async def replace(self, connection: SsoConnection) -> None:
        """See `ports.SsoConnections`."""
        await replace_row(self._connection, connections, _columns(connection), _taken(connection), self._within)

    async def remove(self, connection_id: str) -> None:
        """See `ports.SsoConnections`."""
        for table in (connections, subjects, attempts, handovers):
            which = table.c.id if table is connections else table.c.connection_id
            own = table.c.organization_id == self._organization_id
            await self._connection.execute(delete(table).where(own, which == connection_id))

    async def user_of(self, connection_id: str, subject: str) -> str | None:
        """See `ports.SsoConnections`."""
        named = subjects.c.connection_id == connection_id, subjects.c.subject == subject
        found = await self._connection.scalar(select(subjects.c.user_id).where(self._subjects_within, *named))
        return None if found is None else str(found)

    async def link(self, connection_id: str, subject: str, user_id: str, at: datetime) -> None:
        """See `ports.SsoConnections`."""
        row = {
            "connection_id": connection_id,
            "subject": subject,
            "organization_id": self._organization_id,
            "user_id": user_id,
            "created_at": at,
        }
        await self._connection.execute(insert(subjects).values(row))

    async def unlink(self, connection_id: str) -> int:
        """See `ports.SsoConnections`."""
        of_connection = subjects.c.connection_id == connection_id
        done = await self._connection.execute(delete(subjects).where(self._subjects_within, of_connection))
        return int(done.rowcount)


class SqlSignOns:
    """`ports.SignOns`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def begin(self, attempt: SsoAttempt) -> None:
        """See `ports.SignOns`."""
        await self._connection.execute(insert(attempts).values(columns_of(attempt)))

    async def finish(self, state_hash: str) -> SsoAttempt | None:
        """See `ports.SignOns`."""
        row = await self._taken(attempts, "state_hash", state_hash)
        return None if row is None else value_of(SsoAttempt, row)

    async def hand_over(self, handover: SsoHandover) -> None:
        """See `ports.SignOns`."""
        await self._connection.execute(insert(handovers).values(columns_of(handover)))

    async def take_over(self, code_hash: str) -> SsoHandover | None:
        """See `ports.SignOns`."""
        row = await self._taken(handovers, "code_hash", code_hash)
        return None if row is None else value_of(SsoHandover, row)

    async def purge(self, before: datetime) -> None:
        """See `ports.SignOns`."""
        for table in (attempts, handovers):
            await self._connection.execute(delete(table).where(table.c.expires_at <= before))

    async def _taken(self, table: Table, column: str, value: str) -> RowMapping | None:
        """A row that is removed here: of two who come for it, the one that removed it has it."""
        this = table.c[column] == value
        row = (await self._connection.execute(select(table).where(this))).mappings().first()
        done = await self._connection.execute(delete(table).where(this))
        return row if done.rowcount == 1 else None


def _value(row: RowMapping) -> SsoConnection:
    values: dict[str, Any] = {name: row[name] for name in SsoConnection.__slots__}
    values |= {name: tuple(json.loads(row[name])) for name in ("scopes", "allowed_domains")}
    values["group_roles"] = tuple(GroupRole(group, role) for group, role in json.loads(row["group_roles"]))
    return SsoConnection(**values)


def _columns(connection: SsoConnection) -> Columns:
    return columns_of(
        connection,
        name_key=comparable(connection.name),
        scopes=json.dumps(connection.scopes),
        allowed_domains=json.dumps(connection.allowed_domains),
        group_roles=json.dumps([astuple(one) for one in connection.group_roles]),
    )


def _taken(connection: SsoConnection) -> NameInUse:
    return NameInUse("a connection", connection.name)
