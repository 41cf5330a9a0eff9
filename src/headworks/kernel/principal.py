"""Who calls, as every door and use case sees it: nothing of how they proved it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from headworks.kernel.permissions import Permission


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller, within one organisation."""

    id: str
    kind: Literal["key", "system"]
    """system: Headworks itself, at its start."""
    organization_id: str
    project_id: str
    permissions: frozenset[Permission]

    def may(self, permission: Permission) -> bool:
        """Whether they hold `permission`."""
        return permission in self.permissions
