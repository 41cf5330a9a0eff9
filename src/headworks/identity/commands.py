"""What changes identity: the first start, and the life of a key."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.identity.contracts import KeyChanged, KeyView, Organization, Project
from headworks.identity.domain import (
    audited,
    check_expiry,
    check_hash,
    check_models,
    generate_key,
    permissions_for,
)
from headworks.identity.errors import (
    KeyIsRevoked,
    KeyNotFound,
    LastManagementKey,
    MoreThanOwnRights,
    ProjectNotFound,
)
from headworks.kernel.audit import Change
from headworks.kernel.errors import Invalid
from headworks.kernel.ids import new_id
from headworks.kernel.pagination import PageRequest
from headworks.kernel.permissions import MANAGEMENT
from headworks.kernel.principal import Principal
from headworks.kernel.text import checked_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from headworks.identity.contracts import KeyKind
    from headworks.identity.ports import Unit
    from headworks.kernel.permissions import Permission
    from headworks.kernel.secrets import Secret


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """The key that somebody wants."""

    name: str
    kind: KeyKind = "inference"
    permissions: Iterable[Permission] | None = None
    """None for what is usual: inference, or all that the creator has."""
    project_id: str | None = None
    """None for the creator's project."""
    expires_at: datetime | None = None
    allowed_models: Iterable[str] | None = None
    sha256: str | None = None
    """Import the key with this hash instead of making one."""


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What to change of a key; None leaves it, and the two flags clear it."""

    name: str | None = None
    expires_at: datetime | None = None
    allowed_models: Iterable[str] | None = None
    never_expires: bool = False
    all_models: bool = False


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key that was made or imported. `key` is None for an imported one: we never had it."""

    view: KeyView
    key: Secret | None


@dataclass(frozen=True, slots=True)
class FirstKeys:
    """What the first start made."""

    inference: Secret
    management: Secret


async def find_founder(unit: Unit, at: datetime) -> tuple[Principal, bool]:
    """Who makes the first keys, and whether the installation is new: then it gets its organisation and project here."""
    oldest = (await unit.organizations(None, PageRequest(per_page=1))).items
    organization = oldest[0] if oldest else Organization(new_id("org"), "Default", at)
    if not oldest:
        await unit.add_organization(organization)
        unit.audit(Change("organization.created", "organization", organization.id, None, {"name": organization.name}))
    projects = (await unit.projects(organization.id, PageRequest(per_page=1))).items
    project = projects[0] if projects else Project(new_id("prj"), organization.id, "Default", at)
    if not projects:
        await unit.add_project(project)
        view = {"organization_id": organization.id, "name": project.name}
        unit.audit(Change("project.created", "project", project.id, None, view))
    return Principal("system", "system", organization.id, project.id, MANAGEMENT), not oldest


async def issue_first_keys(unit: Unit, founder: Principal, at: datetime) -> FirstKeys:
    """One key for inference, and one that may manage everything."""
    inference = await create_key(unit, founder, KeyOrder("First key"), at)
    management = await create_key(unit, founder, KeyOrder("First management key", "management"), at)
    return FirstKeys(_text(inference), _text(management))


async def create_key(unit: Unit, creator: Principal, order: KeyOrder, at: datetime) -> IssuedKey:
    """Make a key, or import one by its hash.

    Raises Invalid, ProjectNotFound, KeyExists, or MoreThanOwnRights when it could do more than its creator.
    """
    permissions = permissions_for(order.kind, order.permissions, creator)
    imported = _check_import(order, creator)
    project_id = order.project_id or creator.project_id
    if await unit.project(creator.organization_id, project_id) is None:
        raise ProjectNotFound(f"project_id: there is no project {project_id!r} in your organisation.")
    made = None if imported else generate_key(order.kind)
    view = KeyView(
        id=new_id("key"),
        organization_id=creator.organization_id,
        project_id=project_id,
        name=checked_name("name", order.name),
        kind=order.kind,
        permissions=permissions,
        key_hash=made.key_hash if made else imported,
        prefix=made.prefix if made else "",
        last4=made.last4 if made else "",
        created_at=at,
        created_by=creator.id,
        expires_at=check_expiry(order.expires_at, at),
        allowed_models=check_models(order.allowed_models),
    )
    await unit.add_key(view)
    unit.audit(Change("key.created" if made else "key.imported", "key", view.id, None, audited(view)))
    # The engine may hold a refusal for it, if somebody tried it before it was known.
    unit.publish(KeyChanged(view.key_hash))
    return IssuedKey(view, made.key if made else None)


async def change_key(unit: Unit, caller: Principal, key_id: str, change: KeyChange, at: datetime) -> KeyView:
    """Rename a key, move its expiry, or change its models. Raises Invalid, KeyNotFound, KeyIsRevoked, MoreThanOwnRights."""
    key = await _own_key(unit, caller, key_id)
    if key.revoked_at is not None:
        raise KeyIsRevoked("The key was revoked, which is for good. Make a new one.")
    _check_rights_over(key, caller)
    changed = replace(
        key,
        name=key.name if change.name is None else checked_name("name", change.name),
        expires_at=_expiry(key, change, at),
        allowed_models=_models(key, change),
    )
    await unit.replace_key(changed)
    unit.audit(Change("key.changed", "key", key.id, audited(key), audited(changed)))
    unit.publish(KeyChanged(key.key_hash))
    return changed


async def revoke_key(unit: Unit, caller: Principal, key_id: str, at: datetime) -> None:
    """Make a key useless for good; doing it twice changes nothing. Raises KeyNotFound, MoreThanOwnRights, LastManagementKey."""
    key = await _own_key(unit, caller, key_id)
    _check_rights_over(key, caller)
    if key.revoked_at is not None:
        return
    if key.kind == "management":
        await _keep_a_way_in(unit, key, at)
    revoked = replace(key, revoked_at=at)
    await unit.replace_key(revoked)
    unit.audit(Change("key.revoked", "key", key.id, audited(key), audited(revoked)))
    unit.publish(KeyChanged(key.key_hash))


async def _own_key(unit: Unit, caller: Principal, key_id: str) -> KeyView:
    key = await unit.key(caller.organization_id, key_id)
    if key is None:
        raise KeyNotFound(f"There is no key {key_id!r} in your organisation; list them with GET /api/v1/keys.")
    return key


def _check_rights_over(key: KeyView, caller: Principal) -> None:
    if key.kind == "management" and not key.permissions <= caller.permissions:
        raise MoreThanOwnRights("That key has permissions that yours lacks, so yours cannot change or revoke it.")


async def _keep_a_way_in(unit: Unit, key: KeyView, at: datetime) -> None:
    others = [other for other in await unit.managers(key.organization_id, at) if other.id != key.id]
    if "keys:write" in key.permissions and not any("keys:write" in other.permissions for other in others):
        raise LastManagementKey(
            "It is the last key that can make keys: revoking it would lock everybody out. Make another management key first."
        )


def _text(issued: IssuedKey) -> Secret:
    if issued.key is None:
        message = "a key that was made here has its text"
        raise TypeError(message)
    return issued.key


def _check_import(order: KeyOrder, creator: Principal) -> str:
    """The hash to import; empty when a key is to be made."""
    if order.sha256 is None:
        return ""
    if not creator.may("installation:operate"):
        raise MoreThanOwnRights("Importing a key by its hash needs the permission installation:operate.")
    if order.kind != "inference":
        raise Invalid.field("sha256", "not_for_management", "only inference keys are imported; leave it out")
    return check_hash(order.sha256)


def _expiry(key: KeyView, change: KeyChange, at: datetime) -> datetime | None:
    if change.never_expires:
        return None
    return key.expires_at if change.expires_at is None else check_expiry(change.expires_at, at)


def _models(key: KeyView, change: KeyChange) -> tuple[str, ...] | None:
    if change.all_models:
        return None
    return key.allowed_models if change.allowed_models is None else check_models(change.allowed_models)
