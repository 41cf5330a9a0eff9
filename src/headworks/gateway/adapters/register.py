"""The port `Register` in memory: the twin of the one in `sql`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from headworks.gateway.domain.registered import Registered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from headworks.gateway.domain.roster import KnownGateway
    from headworks.kernel.audit import Change


@dataclass
class MemoryRegister:
    """Several control planes of one process may share it."""

    noted: dict[str, Registered] = field(default_factory=dict)
    draining: dict[str, datetime] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    """The trail."""

    async def note(self, control: str, known: Sequence[KnownGateway], newest: int, at: datetime) -> None:
        """See the port."""
        for one in known:
            before = self.noted.get(one.id)
            if one.watches or before is None or before.control == control:
                self.noted[one.id] = Registered(one, control, newest, at)
        self.noted = {name: one for name, one in self.noted.items() if one.at(at) is not None}

    async def gateways(self, at: datetime) -> list[Registered]:
        """See the port."""
        found = (self.noted[name].at(at) for name in sorted(self.noted))
        return [replace(one, draining_since=self.draining.get(one.gateway.id)) for one in found if one is not None]

    async def to_drain(self) -> frozenset[str]:
        """See the port."""
        return frozenset(self.draining)

    async def drain(self, gateway: str, at: datetime, noted: Change) -> None:
        """See the port."""
        if gateway not in self.draining:
            self.draining[gateway] = at
            self.changes.append(noted)

    async def undrain(self, gateway: str, noted: Change) -> None:
        """See the port."""
        if self.draining.pop(gateway, None) is not None:
            self.changes.append(noted)
