"""What one organisation keeps of its directory. Whatever belongs to another is not found. Lists are oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from headworks.identity.contracts import Directory, DirectoryGroup, DirectoryPerson, DirectoryToken
    from headworks.kernel.pagination import Page, PageRequest


@dataclass(frozen=True, slots=True)
class Named:
    """Which people or groups to find; None asks for all."""

    id: str | None = None
    key: str | None = None
    """Of a person's user name, or of a group's name."""
    external_id: str | None = None


class DirectoryPeople(Protocol):
    """The people."""

    async def stretch(self, start: int, count: int) -> tuple[list[DirectoryPerson], int]:
        """`count` of them at most after the first `start`; and how many there are."""

    async def find(self, wanted: Named, most: int) -> list[DirectoryPerson]:
        """Those that are so named, `most` of them at most."""

    async def get(self, person_id: str) -> DirectoryPerson | None:
        """None when the organisation's directory has no such person."""

    async def of_user(self, user_id: str) -> DirectoryPerson | None:
        """The person behind an account, if the directory knows them."""

    async def of_each(self, person_ids: Collection[str]) -> list[DirectoryPerson]:
        """Those of them that there are."""

    async def add(self, person: DirectoryPerson) -> None:
        """Keep a new one. Raises DirectoryNameInUse, also when the account is another person's already."""

    async def replace(self, person: DirectoryPerson) -> None:
        """Overwrite the one with this id. Raises DirectoryNameInUse, Stale."""

    async def remove(self, person_id: str) -> None:
        """Forget one, who is in no group any more."""


class DirectoryGroups(Protocol):
    """The groups, and who is in them."""

    async def page(self, page: PageRequest) -> Page[DirectoryGroup]:
        """By page, for people who look at them."""

    async def stretch(self, start: int, count: int) -> tuple[list[DirectoryGroup], int]:
        """`count` of them at most after the first `start`; and how many there are."""

    async def find(self, wanted: Named, most: int) -> list[DirectoryGroup]:
        """Those that are so named, `most` of them at most."""

    async def get(self, group_id: str) -> DirectoryGroup | None:
        """None when the organisation's directory has no such group."""

    async def add(self, group: DirectoryGroup) -> None:
        """Keep a new one, with nobody in it."""

    async def replace(self, group: DirectoryGroup) -> None:
        """Overwrite the one with this id. Raises Stale."""

    async def remove(self, group_id: str) -> None:
        """Forget one; nobody is in it any more."""

    async def members(self, group_ids: Collection[str] | None) -> dict[str, list[str]]:
        """Ids of the people in each group that has any, sorted; of every group for None."""

    async def of_people(self, person_ids: Collection[str] | None) -> dict[str, list[DirectoryGroup]]:
        """The groups of each person who is in any; of everybody for None."""

    async def join(self, group_id: str, person_ids: Sequence[str]) -> None:
        """Put people into a group that they are not in."""

    async def leave(self, group_id: str, person_ids: Sequence[str]) -> None:
        """Take people out of a group."""


class DirectoryTokens(Protocol):
    """The tokens."""

    async def page(self, page: PageRequest) -> Page[DirectoryToken]:
        """By page."""

    async def get(self, token_id: str) -> DirectoryToken | None:
        """None when the organisation has no such token."""

    async def add(self, token: DirectoryToken) -> None:
        """Keep a new one."""

    async def replace(self, token: DirectoryToken) -> None:
        """Overwrite the one with this id."""


class DirectoryStore(Protocol):
    """All that an organisation keeps of its directory."""

    @property
    def people(self) -> DirectoryPeople:
        """Whom it told us of."""

    @property
    def groups(self) -> DirectoryGroups:
        """The groups that it told us of."""

    @property
    def tokens(self) -> DirectoryTokens:
        """What it proves itself by."""

    async def directory(self) -> Directory:
        """How the organisation takes what it says; the usual way where nobody said another."""

    async def put_directory(self, directory: Directory) -> None:
        """In place of what was there. Raises Stale unless it is one version older."""
