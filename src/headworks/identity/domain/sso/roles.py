"""Which role the directory gives: by somebody's groups, in the order that the admin wrote down."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from headworks.identity.contracts import Role, SsoConnection


def governs_roles(connection: SsoConnection) -> bool:
    """Whether the directory has a say in roles at all. Without groups that mean something, roles are given here."""
    return bool(connection.group_roles)


def role_of(connection: SsoConnection, groups: Collection[str]) -> Role | None:
    """The role of who is in these groups; None for who does not get in."""
    found = (one.role for one in connection.group_roles if one.group in groups)
    return next(found, connection.default_role)
