"""What a change did, as the audit trail keeps it. Use cases say it; the store writes it in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Change:
    """One change. Who made it, from where and when is added where it is written."""

    action: str
    """Such as `user.invited`."""
    resource_type: str
    resource_id: str
    before: Mapping[str, object] | None
    """None for what was just made. Never holds a secret."""
    after: Mapping[str, object] | None
    """None for what is gone. Never holds a secret."""
