"""The door for bootstrap, which notes the trails' ends outside their databases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.audit import queries

if TYPE_CHECKING:
    from headworks.audit.contracts import Anchor
    from headworks.audit.ports import Trails


@dataclass(frozen=True, slots=True)
class AuditFacade:
    """The audit trail, as the rest of Headworks sees it."""

    trails: Trails

    async def heads(self) -> list[Anchor]:
        """The end of each trail that was written to. Raises DatabaseUnavailable."""
        return await queries.heads(self.trails)
