"""The life of a key: made or imported, changed, revoked. `rotation` gives one a new secret, `orders` reads what is wanted."""

from headworks.identity.commands.keys.changing import KeyChange, change_key
from headworks.identity.commands.keys.making import MOST_AT_ONCE, IssuedKey, create_key, create_keys
from headworks.identity.commands.keys.own import own_key, tell
from headworks.identity.commands.keys.revoking import revoke_key
from headworks.identity.commands.orders import KeyOrder

__all__ = [
    "MOST_AT_ONCE",
    "IssuedKey",
    "KeyChange",
    "KeyOrder",
    "change_key",
    "create_key",
    "create_keys",
    "own_key",
    "revoke_key",
    "tell",
]
