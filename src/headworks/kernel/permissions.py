"""Every permission there is. A route names the one that it needs; a management key holds some of them."""

from __future__ import annotations

from typing import Literal, get_args

Permission = Literal[
    "inference",
    "account:use",
    "organizations:read",
    "projects:read",
    "projects:write",
    "members:read",
    "members:write",
    "sso-connections:read",
    "sso-connections:write",
    "service-accounts:read",
    "service-accounts:write",
    "keys:read",
    "keys:write",
    "providers:read",
    "providers:write",
    "models:read",
    "models:write",
    "prices:read",
    "prices:write",
    "limits:read",
    "limits:write",
    "usage:read",
    "budgets:read",
    "budgets:write",
    "ledger:read",
    "ledger:write",
    "audit:read",
    "status:read",
    "metrics:read",
    "installation:operate",
    "directory:provision",
]
"""
inference: `/v1/*`, and nothing of the management API; account:use: one's own account, which everybody has who signs in; members: who belongs to the organisation, and who is invited; sso-connections: how people sign in by the organisation's directory; ledger:write: rating the past anew, and closing what was invoiced;
installation:operate: what concerns the whole installation, such as its organisations, its users, and importing keys by
their hash; directory:provision: `/scim/v2/*`, which only a directory's token opens, and which is all that it opens.
"""

INFERENCE: frozenset[Permission] = frozenset({"inference"})
PROVISIONING: frozenset[Permission] = frozenset({"directory:provision"})
"""What a directory's token holds, and nobody else does."""
MANAGEMENT: frozenset[Permission] = frozenset(get_args(Permission)) - INFERENCE - PROVISIONING
"""All that a management key can hold."""
OWN_ACCOUNT: frozenset[Permission] = frozenset({"account:use"})
"""What everybody holds who signed in, whatever their role."""
