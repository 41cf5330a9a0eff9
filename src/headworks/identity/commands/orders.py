"""What somebody wants of a new key, and what it says of its owner and project."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from headworks.identity.contracts import KeyOwner
from headworks.identity.domain.grants import check_role, from_scopes
from headworks.identity.domain.keys import check_hash
from headworks.identity.domain.roles import permissions_of
from headworks.identity.errors import MoreThanOwnRights, NotActive, ProjectNotFound, UnknownServiceAccount
from headworks.kernel.errors import FieldProblem, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from headworks.identity.contracts import KeyKind, Project, ServiceAccount
    from headworks.identity.domain.grants import Scope
    from headworks.identity.ports import Unit
    from headworks.kernel.permissions import Permission
    from headworks.kernel.principal import Principal


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """The key that somebody wants."""

    name: str
    kind: KeyKind = "inference"
    permissions: Iterable[Permission] | None = None
    """None for what is usual: inference, or all that the creator has."""
    project_id: str | None = None
    """None for the service account's, else the creator's, else the organisation's first."""
    expires_at: datetime | None = None
    allowed_models: Iterable[str] | None = None
    allowed_endpoints: Iterable[str] | None = None
    allowed_addresses: Iterable[str] | None = None
    scopes: Iterable[Scope] | None = None
    """Instead of kind and permissions."""
    sha256: str | None = None
    """Import the key with this hash instead of making one."""
    owner: Literal["me", "project"] = "me"
    """me: it works as long as its creator does; project: it outlives them."""
    service_account_id: str | None = None
    """Make it for this account."""
    signing: bool = False
    """A key that signs requests."""
    bearer: bool | None = None
    """Whether its secret may be sent itself; None for what is usual: it may, unless it signs."""


def read_scopes(order: KeyOrder, own: frozenset[Permission]) -> KeyOrder:
    """The order with what its scopes stand for within `own`, where it has some. Raises Invalid."""
    if order.scopes is None:
        return order
    if order.permissions is not None:
        raise Invalid.field("scopes", "not_with_permissions", "say the same in another way; leave one of the two out")
    kind, permissions = from_scopes(order.scopes, own)
    if order.kind == "management" and kind != "management":
        raise Invalid.field("scopes", "not_for_management", "inference is for inference keys; make one of that kind")
    return replace(order, kind=kind, permissions=permissions, scopes=None)


def check_import(order: KeyOrder, creator: Principal) -> str:
    """The hash to import; empty when a key is to be made. Raises MoreThanOwnRights, Invalid."""
    if order.sha256 is None:
        return ""
    if not creator.may("installation:operate"):
        raise MoreThanOwnRights("Importing a key by its hash needs the permission installation:operate.")
    if order.kind != "inference":
        raise Invalid.field("sha256", "not_for_management", "only inference keys are imported; leave it out")
    return check_hash(order.sha256)


def read_bearer(order: KeyOrder) -> bool:
    """Whether the key that is wanted may be sent itself. Raises Invalid for one that nobody could use, or sign with."""
    if order.signing and order.sha256 is not None:
        raise Invalid.field(
            "signing", "not_for_imported", "needs the secret itself, and of an imported key we have none"
        )
    if order.bearer is None:
        return not order.signing
    check_bearer(bearer=order.bearer, signs=order.signing)
    return order.bearer


def check_bearer(*, bearer: bool, signs: bool) -> None:
    """Raises Invalid for a key that could be used in no way."""
    if not bearer and not signs:
        raise Invalid.field(
            "bearer", "no_other_way", "must be true for a key that does not sign; make one with signing"
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key will belong, and to whom."""

    project: Project
    owner: KeyOwner | None


async def find_place(unit: Unit, creator: Principal, order: KeyOrder) -> Place:
    """Raises ProjectNotFound, UnknownServiceAccount, NotActive, MoreThanOwnRights, Invalid."""
    owner, account = await _find_owner(unit, creator, order)
    return Place(await _find_project(unit, creator, order, account), owner)


async def _find_owner(unit: Unit, creator: Principal, order: KeyOrder) -> tuple[KeyOwner | None, ServiceAccount | None]:
    if order.service_account_id is None:
        return (await _creator(unit, creator) if order.owner == "me" else None), None
    account = await unit.service_accounts.get(order.service_account_id)
    if account is None:
        message = f"there is no service account {order.service_account_id!r} in your organisation"
        problem = FieldProblem("service_account_id", UnknownServiceAccount.code, message)
        raise UnknownServiceAccount(f"service_account_id: {message}.", details=[problem])
    if account.state != "active":
        raise NotActive(f"The service account {account.name!r} is disabled; enable it first.")
    check_role(permissions_of(account.role), creator, "make a key for")
    return KeyOwner("service_account", account.id, account.name, account.role), account


async def _find_project(unit: Unit, creator: Principal, order: KeyOrder, account: ServiceAccount | None) -> Project:
    if account is not None and order.project_id not in (None, account.project_id):
        raise Invalid.field(
            "project_id", "not_the_accounts", f"must be that of the service account, {account.project_id}"
        )
    wanted = account.project_id if account is not None else order.project_id or creator.project_id
    found = await unit.projects.oldest() if wanted is None else await unit.projects.get(wanted)
    if found is None:
        raise ProjectNotFound(f"project_id: there is no project {wanted!r} in your organisation.")
    if found.state != "active":
        raise NotActive(f"The project {found.name!r} is archived; take it back, or name another one.")
    return found


async def _creator(unit: Unit, creator: Principal) -> KeyOwner | None:
    if creator.kind == "user":
        member = await unit.members.of_user(creator.id)
        if member is not None:
            return KeyOwner("user", creator.id, member.user.name, member.membership.role)
        return KeyOwner("user", creator.id, is_operator=creator.may("installation:operate"))
    if creator.kind == "service_account":
        account = await unit.service_accounts.get(creator.id)
        return None if account is None else KeyOwner("service_account", account.id, account.name, account.role)
    return None
