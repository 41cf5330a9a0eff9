"""What each role may do. The operator, above them all, may do everything in the whole installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headworks.kernel.permissions import MANAGEMENT, OWN_ACCOUNT

if TYPE_CHECKING:
    from headworks.identity.contracts import Role
    from headworks.kernel.permissions import Permission

# The metrics are of the whole installation, and so say something of every organisation.
_OPERATORS_ONLY: Final[frozenset[Permission]] = frozenset({"installation:operate", "metrics:read"})
_ADMINS_ONLY: Final[frozenset[Permission]] = frozenset({"members:read", "members:write"})

OPERATOR: Final = MANAGEMENT
# One's own account comes with signing in, whatever the role.
_ADMIN: Final = OPERATOR - _OPERATORS_ONLY - OWN_ACCOUNT
_MAINTAINER: Final = _ADMIN - _ADMINS_ONLY
_VIEWER: Final = frozenset(permission for permission in _MAINTAINER if permission.endswith(":read"))

ROLES: Final[dict[Role, frozenset[Permission]]] = {"admin": _ADMIN, "maintainer": _MAINTAINER, "viewer": _VIEWER}


def permissions_of(role: Role) -> frozenset[Permission]:
    """What it may do in its organisation."""
    return ROLES[role]
