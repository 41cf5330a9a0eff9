"""What is kept of each noun. All but the last two see one organisation, the one that their store was opened for.

`replace` takes a value whose `version` is one more than that of what it replaces. It raises Stale when somebody else
was quicker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from headworks.identity.contracts import (
        Invitation,
        KeyView,
        Member,
        Membership,
        Organization,
        Project,
        ServiceAccount,
        User,
    )
    from headworks.identity.ports.filters import InvitationFilter, KeyFilter, ServiceAccountFilter, UserFilter
    from headworks.kernel.pagination import Page, PageRequest


class Projects(Protocol):
    """The organisation's projects."""

    async def page(self, page: PageRequest) -> Page[Project]:
        """The oldest first."""

    async def get(self, project_id: str) -> Project | None:
        """None when the organisation has no such project."""

    async def oldest(self) -> Project | None:
        """Where things go that name no project; None when there is none."""

    async def add(self, project: Project) -> None:
        """Keep a new one. Raises NameInUse."""

    async def replace(self, project: Project) -> None:
        """Overwrite the one with this id. Raises NameInUse, Stale."""


class Keys(Protocol):
    """The organisation's keys."""

    async def page(self, wanted: KeyFilter, at: datetime, page: PageRequest) -> Page[KeyView]:
        """The newest first."""

    async def get(self, key_id: str) -> KeyView | None:
        """None when the organisation has no such key."""

    async def names(self, key_ids: Collection[str]) -> dict[str, str]:
        """By id; ids of no key of the organisation are left out."""

    async def managers(self, at: datetime) -> list[KeyView]:
        """Every management key that works at that moment."""

    async def add(self, keys: Sequence[KeyView]) -> None:
        """Keep new ones. Raises KeyExists when one's hash is known, in any organisation."""

    async def replace(self, key: KeyView) -> None:
        """Overwrite the one with this id. Raises Stale."""


class Members(Protocol):
    """Who belongs to the organisation."""

    async def page(self, page: PageRequest) -> Page[Member]:
        """Those who joined first come first."""

    async def get(self, membership_id: str) -> Member | None:
        """None when the organisation has no such membership."""

    async def of_user(self, user_id: str) -> Member | None:
        """The user's membership in this organisation, if they have one."""

    async def of_users(self, user_ids: Collection[str]) -> dict[str, Member]:
        """The same for many, by user id; who is no member is left out."""

    async def of_email(self, email_key: str) -> Member | None:
        """The member with this casefolded address."""

    async def admins(self) -> list[Member]:
        """Every admin that is not disabled. They stay what they are until the transaction ends."""

    async def add(self, membership: Membership) -> None:
        """Keep a new one. Raises AlreadyMember."""

    async def replace(self, membership: Membership) -> None:
        """Overwrite the one with this id. Raises Stale."""

    async def remove(self, membership_id: str) -> None:
        """Forget one."""


class Invitations(Protocol):
    """Who is asked to join the organisation."""

    async def page(self, wanted: InvitationFilter, at: datetime, page: PageRequest) -> Page[Invitation]:
        """The newest first."""

    async def get(self, invitation_id: str) -> Invitation | None:
        """None when the organisation has no such invitation."""

    async def open_for(self, email_key: str) -> Invitation | None:
        """The one that was neither accepted nor revoked nor retired, whether it expired or not."""

    async def add(self, invitation: Invitation) -> None:
        """Keep a new one. Raises AlreadyInvited when one is open for its address."""

    async def replace(self, invitation: Invitation) -> None:
        """Overwrite the one with this id."""

    async def retire(self, invitation_id: str) -> None:
        """It expired, and stands in the way of a new one no longer."""


class ServiceAccounts(Protocol):
    """The organisation's service accounts."""

    async def page(self, wanted: ServiceAccountFilter, page: PageRequest) -> Page[ServiceAccount]:
        """The oldest first."""

    async def get(self, service_account_id: str) -> ServiceAccount | None:
        """None when the organisation has no such account."""

    async def add(self, account: ServiceAccount) -> None:
        """Keep a new one. Raises NameInUse."""

    async def replace(self, account: ServiceAccount) -> None:
        """Overwrite the one with this id. Raises NameInUse, Stale."""


class Organizations(Protocol):
    """All of the installation's."""

    async def page(self, page: PageRequest) -> Page[Organization]:
        """The oldest first."""

    async def get(self, organization_id: str) -> Organization | None:
        """None when there is none."""

    async def named(self, name: str) -> Organization | None:
        """By its name, or one that looks like it."""

    async def add(self, organization: Organization) -> None:
        """Keep a new one. Raises NameInUse."""

    async def replace(self, organization: Organization) -> None:
        """Overwrite the one with this id. Raises NameInUse, Stale."""


class Users(Protocol):
    """All of the installation's."""

    async def page(self, wanted: UserFilter, page: PageRequest) -> Page[User]:
        """The oldest first."""

    async def get(self, user_id: str) -> User | None:
        """None when there is none."""

    async def by_email(self, email_key: str) -> User | None:
        """By the casefolded address."""

    async def operators(self) -> list[User]:
        """Every operator that is not disabled. They stay what they are until the transaction ends."""

    async def memberships(self, user_id: str) -> list[Membership]:
        """What they are where, the oldest first; organisations that are disabled are left out."""

    async def belongs_elsewhere(self, user_id: str, organization_id: str) -> bool:
        """Whether they belong to another organisation too, disabled ones included."""

    async def add(self, user: User) -> None:
        """Keep a new one. Raises EmailInUse."""

    async def replace(self, user: User) -> None:
        """Overwrite the one with this id. Raises EmailInUse, Stale."""
