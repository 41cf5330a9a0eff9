"""What each role may do. The operator, above them all, may do everything in the whole installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headworks.kernel.permissions import MANAGEMENT

if TYPE_CHECKING:
    from headworks.identity.contracts import Role
    from headworks.kernel.permissions import Permission

# Listed, not subtracted: a permission that is added later is nobody's but the operator's until it stands here.
_VIEWER: Final[frozenset[Permission]] = frozenset(
    {
        "organizations:read",
        "projects:read",
        "service-accounts:read",
        "keys:read",
        "providers:read",
        "models:read",
        "prices:read",
        "limits:read",
        "usage:read",
        "budgets:read",
        "ledger:read",
        "status:read",
    }
)
_MAINTAINER: Final[frozenset[Permission]] = _VIEWER | {
    "projects:write",
    "service-accounts:write",
    "keys:write",
    "providers:write",
    "models:write",
    "prices:write",
    "limits:write",
    "budgets:write",
}
# The trail names people, and from where they act. Rating anew and closing change what is invoiced.
_ADMIN: Final[frozenset[Permission]] = _MAINTAINER | {
    "members:read",
    "members:write",
    "sso-connections:read",
    "sso-connections:write",
    "audit:read",
    "ledger:write",
}

OPERATOR: Final = MANAGEMENT

ROLES: Final[dict[Role, frozenset[Permission]]] = {"admin": _ADMIN, "maintainer": _MAINTAINER, "viewer": _VIEWER}
"""Without `account:use`, which comes with signing in."""


def permissions_of(role: Role) -> frozenset[Permission]:
    """What it may do in its organisation."""
    return ROLES[role]
