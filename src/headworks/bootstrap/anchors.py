"""The ends of the audit trails, noted in the log: outside the databases, where who rewrites a trail does not reach."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from headworks.kernel.errors import Unavailable
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from headworks.audit.contracts import Anchor
    from headworks.audit.facade import AuditFacade

_log = logger(__name__)


class Anchors:
    """Notes each end that has moved since it was last noted."""

    def __init__(self, audit: AuditFacade, seconds: float) -> None:
        """`seconds`: how often."""
        self._audit = audit
        self._seconds = seconds
        self._noted: set[Anchor] = set()

    async def run(self) -> None:
        """Note until cancelled, first at once."""
        while True:
            await self.note()
            await asyncio.sleep(self._seconds)

    async def note(self) -> None:
        """Write what moved to the log; a database that does not answer is asked again the next time."""
        try:
            ends = await self._audit.heads()
        except Unavailable as error:
            _log.warning("audit trail not noted", detail=error.detail or error.message)
            return
        for end in ends:
            if end not in self._noted:
                _log.info("audit trail", anchor=str(end))
        self._noted = set(ends)
