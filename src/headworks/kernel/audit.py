"""What a management action changed, as the audit trail keeps it: said by use cases, written with their transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one thing. `before` and `after` are JSON values made from what is shown of it, never secrets."""

    action: str
    """Noun and what happened to it: `key.revoked`."""
    resource_type: str
    resource_id: str
    before: Mapping[str, object] | None
    """None where it was not there."""
    after: Mapping[str, object] | None
    """None where it is gone."""
