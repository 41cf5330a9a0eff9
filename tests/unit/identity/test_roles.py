from __future__ import annotations

from headworks.identity.domain.roles import OPERATOR, ROLES
from headworks.kernel.permissions import MANAGEMENT, OWN_ACCOUNT

OPERATORS_ONLY = {"installation:operate", "metrics:read"}
ADMINS_ONLY = {
    "members:read",
    "members:write",
    "sso-connections:read",
    "sso-connections:write",
    "audit:read",
    "ledger:write",
}


def test_who_may_do_what() -> None:
    """Every permission is decided upon: one that is new fails here until somebody says whose it is."""
    assert OPERATOR == MANAGEMENT
    assert ROLES["admin"] == MANAGEMENT - OPERATORS_ONLY - OWN_ACCOUNT
    assert ROLES["maintainer"] == ROLES["admin"] - ADMINS_ONLY
    assert ROLES["viewer"] == {permission for permission in ROLES["maintainer"] if permission.endswith(":read")}
