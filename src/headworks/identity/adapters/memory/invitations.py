"""Invitations to one organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.identity.adapters.memory.tables import page_of
from headworks.identity.errors import AlreadyInvited

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.adapters.memory.tables import Tables
    from headworks.identity.contracts import Invitation
    from headworks.identity.ports import InvitationFilter
    from headworks.kernel.pagination import Page, PageRequest


class MemoryInvitations:
    """`ports.Invitations`."""

    def __init__(self, tables: Tables, organization_id: str) -> None:
        self._tables = tables
        self._organization_id = organization_id

    async def page(self, wanted: InvitationFilter, at: datetime, page: PageRequest) -> Page[Invitation]:
        """See `ports.Invitations`."""
        return page_of([one for one in self._own() if wanted.state in (None, one.state(at))], page, "-created_at")

    async def get(self, invitation_id: str) -> Invitation | None:
        """See `ports.Invitations`."""
        return next((one for one in self._own() if one.id == invitation_id), None)

    async def open_for(self, email_key: str) -> Invitation | None:
        """See `ports.Invitations`."""
        return next((one for one in self._own() if one.email_key == email_key and self._is_open(one)), None)

    async def add(self, invitation: Invitation) -> None:
        """See `ports.Invitations`."""
        if await self.open_for(invitation.email_key) is not None:
            raise AlreadyInvited(f"An invitation for {invitation.email} waits already; revoke it to make another one.")
        self._tables.invitations[invitation.id] = invitation

    async def replace(self, invitation: Invitation) -> None:
        """See `ports.Invitations`."""
        if await self.get(invitation.id) is not None:
            self._tables.invitations[invitation.id] = invitation

    async def retire(self, invitation_id: str) -> None:
        """See `ports.Invitations`."""
        if await self.get(invitation_id) is not None:
            self._tables.retired.add(invitation_id)

    def _own(self) -> list[Invitation]:
        return [one for one in self._tables.invitations.values() if one.organization_id == self._organization_id]

    def _is_open(self, one: Invitation) -> bool:
        return one.accepted_at is None and one.revoked_at is None and one.id not in self._tables.retired
