"""What the audit trail keeps of each noun, before and after a change: what it is called and may do, never a secret."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING

from headworks.kernel.audit import Change

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

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
        SsoConnection,
        User,
    )

    Noun = (
        Directory
        | DirectoryGroup
        | DirectoryPerson
        | DirectoryToken
        | Invitation
        | KeyView
        | Membership
        | Organization
        | Project
        | ServiceAccount
        | SsoConnection
        | User
    )

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "Organization": ("name", "state"),
    "Project": ("name", "state"),
    "User": ("email", "name", "state", "is_operator"),
    "Membership": ("user_id", "role"),
    "Invitation": ("email", "role", "expires_at", "accepted_at", "revoked_at"),
    "ServiceAccount": ("project_id", "name", "role", "state"),
    "SsoConnection": (
        "name",
        "issuer",
        "client_id",
        "secret_reference",
        "scopes",
        "group_claim",
        "group_roles",
        "default_role",
        "joins",
        "allowed_domains",
        "enabled",
        "private_network",
    ),
    "Directory": ("default_role",),
    "DirectoryToken": ("name", "last4", "expires_at", "revoked_at"),
    # What else the directory says of somebody is its own business; the version shows that it said something.
    "DirectoryPerson": ("user_id", "user_name", "external_id", "is_active", "own_role", "version"),
    "DirectoryGroup": ("name", "external_id", "role", "version"),
    "KeyView": (
        "name",
        "kind",
        "project_id",
        "permissions",
        "prefix",
        "last4",
        "signs",
        "bearer",
        "expires_at",
        "revoked_at",
        "allowed_models",
        "allowed_endpoints",
        "allowed_addresses",
        "previous_until",
    ),
}
_NAMES = {
    "KeyView": "key",
    "ServiceAccount": "service_account",
    "SsoConnection": "sso_connection",
    "DirectoryToken": "directory_token",
    "DirectoryPerson": "directory_person",
    "DirectoryGroup": "directory_group",
}


def change(action: str, before: Noun | None, after: Noun | None) -> Change:
    """`action` is what happened to it: `created`, `changed`, `revoked`. One of the two values at least is given."""
    noun = after if after is not None else before
    if noun is None:
        message = "a change has something before it or after it"
        raise TypeError(message)
    kind = type(noun).__name__
    name = _NAMES.get(kind, kind.lower())
    return Change(f"{name}.{action}", name, noun.id, _record(before), _record(after))


def _record(noun: Noun | None) -> dict[str, object] | None:
    if noun is None:
        return None
    shown = {name: _plain(getattr(noun, name)) for name in _FIELDS[type(noun).__name__]}
    place = getattr(noun, "organization_id", None)
    owner = getattr(noun, "owner", None)
    return (
        shown | ({} if place is None else {"organization_id": place}) | ({} if owner is None else {"owner": owner.id})
    )


def _plain(value: object) -> object:
    """As JSON has it."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [asdict(one) if is_dataclass(one) and not isinstance(one, type) else one for one in value]
    return value if value is None or isinstance(value, str | bool | int) else _moment(value)


def _moment(value: object) -> str:
    moment: datetime = value  # type: ignore[assignment]
    return moment.isoformat()
