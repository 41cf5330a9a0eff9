"""Everything, by id. A transaction works on a copy, which takes the place of the original at its end."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from headworks.kernel.errors import Stale
from headworks.kernel.pagination import Page
from headworks.kernel.sorting import Order, in_order
from headworks.kernel.trail import MemoryTrail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from headworks.identity.contracts import (
        Directory,
        DirectoryGroup,
        DirectoryPerson,
        DirectoryToken,
        Invitation,
        KeyView,
        Membership,
        Organization,
        Project,
        ServiceAccount,
        Session,
        SsoAttempt,
        SsoConnection,
        SsoHandover,
        StoredPassword,
        User,
    )
    from headworks.kernel.errors import Conflict
    from headworks.kernel.pagination import PageRequest
    from headworks.kernel.sorting import Position, Sort

T = TypeVar("T")


class Versioned(Protocol):
    """What counts its changes."""

    @property
    def id(self) -> str:
        """What it is found by."""

    @property
    def version(self) -> int:
        """How often it was written."""


V = TypeVar("V", bound=Versioned)


@dataclass(slots=True)
class Tables:
    """All there is."""

    organizations: dict[str, Organization] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    keys: dict[str, KeyView] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    memberships: dict[str, Membership] = field(default_factory=dict)
    invitations: dict[str, Invitation] = field(default_factory=dict)
    service_accounts: dict[str, ServiceAccount] = field(default_factory=dict)
    passwords: dict[str, StoredPassword] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    directories: dict[str, Directory] = field(default_factory=dict)
    directory_tokens: dict[str, DirectoryToken] = field(default_factory=dict)
    directory_people: dict[str, DirectoryPerson] = field(default_factory=dict)
    directory_groups: dict[str, DirectoryGroup] = field(default_factory=dict)
    directory_group_members: set[tuple[str, str]] = field(default_factory=set)
    """Ids of a group and of a person in it."""
    retired: set[str] = field(default_factory=set)
    """Invitations that expired and were followed by another."""
    sso_connections: dict[str, SsoConnection] = field(default_factory=dict)
    sso_subjects: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """By organisation, connection and subject: the user's id."""
    sso_attempts: dict[str, SsoAttempt] = field(default_factory=dict)
    sso_handovers: dict[str, SsoHandover] = field(default_factory=dict)
    trail: MemoryTrail = field(default_factory=lambda: MemoryTrail("identity"))

    def copy(self) -> Tables:
        """The same things in tables of their own."""
        return Tables(*(getattr(self, each.name).copy() for each in fields(self)))


def page_of(items: Iterable[T], page: PageRequest, default: str, value: Callable[[T, str], Any] = getattr) -> Page[T]:
    """One page of what was found, and how much was found. `default` is a field to sort by, with a minus to descend."""
    sort = page.sort or (Order(default.removeprefix("-"), default.startswith("-")),)
    sort = (*sort, Order("id", sort[-1].descending))
    found = in_order(items, sort, value)
    total = len(found)
    if page.after is not None:
        found = found[_count_until(found, sort, page.after, value) :]
    shown = found[page.offset : page.offset + page.per_page]
    more = len(found) > page.offset + page.per_page
    return Page(shown, total, page, tuple(value(shown[-1], order.field) for order in sort) if more else None)


def _count_until(found: list[T], sort: Sort, place: Position, value: Callable[[T, str], Any]) -> int:
    """How many come before a place, or are there."""

    def is_beyond(item: T) -> bool:
        for order, there in zip(sort, place, strict=True):
            here = value(item, order.field)
            if here != there:
                return bool(here < there if order.descending else here > there)
        return False

    return sum(not is_beyond(item) for item in found)


def replace(table: dict[str, V], value: V) -> None:
    """Overwrite the one with this id. Raises Stale unless it is one version older."""
    before = table.get(value.id)
    if before is None or before.version != value.version - 1:
        raise Stale(
            "Somebody else changed it at the same moment. Read it again, and make your change to what is there."
        )
    table[value.id] = value


def refuse_twins(table: Mapping[str, V], value: V, alike: Callable[[V], object], there: Conflict) -> None:
    """Raises `there` when another value is like this one."""
    if any(alike(other) == alike(value) for other in table.values() if other.id != value.id):
        raise there
