"""Identifiers: a prefix that says what it names, and 128 bits that sort by their time of birth.

The bits are laid out like UUID version 7 (RFC 9562, section 5.7), without its fixed version and variant bits.
"""

from __future__ import annotations

import secrets

from headworks.kernel.clock import unix_ms

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32, lower case: no i, l, o, u, so that an id read aloud comes back the same."""
_LENGTH = 26
_RANDOM_BITS = 80


def new_id(prefix: str) -> str:
    """`key` → `key_01k9y7m3q8…`: the prefix, `_`, 26 characters. Sorts by millisecond within a prefix."""
    bits = unix_ms() << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    return f"{prefix}_" + "".join(_ALPHABET[bits >> shift & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))
