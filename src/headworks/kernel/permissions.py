"""Every permission there is. A route names the one that it needs; a management key holds some of them."""

from __future__ import annotations

from typing import Literal, get_args

Permission = Literal[
    "inference",
    "organizations:read",
    "projects:read",
    "keys:read",
    "keys:write",
    "providers:read",
    "providers:write",
    "models:read",
    "models:write",
    "prices:read",
    "prices:write",
    "usage:read",
    "audit:read",
    "status:read",
    "metrics:read",
    "installation:operate",
]
"""
inference: `/v1/*`, and nothing of the management API; installation:operate: what concerns the whole installation,
such as importing keys by their hash.
"""

INFERENCE: frozenset[Permission] = frozenset({"inference"})
MANAGEMENT: frozenset[Permission] = frozenset(get_args(Permission)) - INFERENCE
"""All that a management key can hold."""
