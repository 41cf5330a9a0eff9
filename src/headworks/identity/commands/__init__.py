"""What changes identity."""

from headworks.identity.commands.keys import (
    FirstKeys,
    IssuedKey,
    KeyChange,
    KeyOrder,
    change_key,
    create_key,
    find_founder,
    issue_first_keys,
    revoke_key,
)

__all__ = [
    "FirstKeys",
    "IssuedKey",
    "KeyChange",
    "KeyOrder",
    "change_key",
    "create_key",
    "find_founder",
    "issue_first_keys",
    "revoke_key",
]
