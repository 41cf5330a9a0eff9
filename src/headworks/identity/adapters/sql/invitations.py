"""Invitations to one organisation. `live` holds that one waits for each address at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from headworks.identity.adapters.sql.statements import Sorting, add_rows, columns_of, read_one, read_page, value_of
from headworks.identity.adapters.tables import invitations
from headworks.identity.contracts import Invitation
from headworks.identity.errors import AlreadyInvited
from headworks.kernel.sorting import Order

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.identity.adapters.sql.statements import Columns
    from headworks.identity.contracts import InvitationState
    from headworks.identity.ports import InvitationFilter
    from headworks.kernel.pagination import Page, PageRequest

_SORTING = Sorting(
    {name: invitations.c[name] for name in ("email", "role", "created_at", "expires_at")},
    invitations.c.id,
    (Order("created_at", descending=True),),
)


class SqlInvitations:
    """`ports.Invitations`."""

    def __init__(self, connection: AsyncConnection, organization_id: str) -> None:
        self._connection = connection
        self._within = invitations.c.organization_id == organization_id

    async def page(self, wanted: InvitationFilter, at: datetime, page: PageRequest) -> Page[Invitation]:
        """See `ports.Invitations`."""
        rows = select(invitations).where(self._within)
        if wanted.state is not None:
            rows = rows.where(*_in_state(wanted.state, at))
        return await read_page(self._connection, rows, page, _invitation, _SORTING)

    async def get(self, invitation_id: str) -> Invitation | None:
        """See `ports.Invitations`."""
        wanted = select(invitations).where(self._within, invitations.c.id == invitation_id)
        return await read_one(self._connection, wanted, _invitation)

    async def open_for(self, email_key: str) -> Invitation | None:
        """See `ports.Invitations`."""
        wanted = select(invitations).where(self._within, invitations.c.email_key == email_key, invitations.c.live)
        return await read_one(self._connection, wanted, _invitation)

    async def add(self, invitation: Invitation) -> None:
        """See `ports.Invitations`."""
        there = AlreadyInvited(f"An invitation for {invitation.email} waits already; revoke it to make another one.")
        await add_rows(self._connection, invitations, [_columns(invitation)], there)

    async def replace(self, invitation: Invitation) -> None:
        """See `ports.Invitations`."""
        await self._connection.execute(
            update(invitations).where(self._within, invitations.c.id == invitation.id).values(_columns(invitation))
        )

    async def retire(self, invitation_id: str) -> None:
        """See `ports.Invitations`."""
        await self._connection.execute(
            update(invitations).where(self._within, invitations.c.id == invitation_id).values(live=None)
        )


async def invitation_by_token(connection: AsyncConnection, token_hash: str) -> Invitation | None:
    """See `ports.Overview`."""
    return await read_one(connection, select(invitations).where(invitations.c.token_hash == token_hash), _invitation)


def _invitation(row: RowMapping) -> Invitation:
    return value_of(Invitation, row)


def _columns(invitation: Invitation) -> Columns:
    is_open = invitation.accepted_at is None and invitation.revoked_at is None
    return columns_of(invitation, live=True if is_open else None)


def _in_state(state: InvitationState, at: datetime) -> list[ColumnElement[bool]]:
    if state == "accepted":
        return [invitations.c.accepted_at.is_not(None)]
    if state == "revoked":
        return [invitations.c.accepted_at.is_(None), invitations.c.revoked_at.is_not(None)]
    ended = invitations.c.expires_at <= at
    return [
        invitations.c.accepted_at.is_(None),
        invitations.c.revoked_at.is_(None),
        ended if state == "expired" else ~ended,
    ]
