"""Keys that a trail's hashes are made with: who has the database and not the keyring cannot make one."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TrailKey:
    """One of them, and the id that entries name it by."""

    id: str
    key: bytes = field(repr=False)

    def mac(self, content: bytes) -> str:
        """HMAC-SHA256, hex."""
        return hmac.new(self.key, content, hashlib.sha256).hexdigest()
