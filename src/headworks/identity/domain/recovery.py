"""Recovery codes: ten single-use stand-ins for a second factor that was lost."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from headworks.kernel.secrets import Secret

COUNT: Final = 10
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_GROUPS, _GROUP_LENGTH = 4, 4
_SEPARATORS = str.maketrans("", "", "- ")


def new_codes() -> list[Secret]:
    """Ten codes such as `7k2m-x9fa-b3cd-mn4p`: 79 bits each, so that a plain hash keeps them."""
    return [Secret("-".join(_group() for _ in range(_GROUPS))) for _ in range(COUNT)]


def hash_code(code: str) -> str:
    """SHA-256 of the code without what people add or leave out: case, spaces, hyphens."""
    return hashlib.sha256(code.casefold().translate(_SEPARATORS).encode(errors="replace")).hexdigest()


def _group() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH))
