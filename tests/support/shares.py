"""Gateways as the office of shares sees them: each counts against its own cap, and asks when that is too small."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headworks.dataplane.shares import ShareAsk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headworks.dataplane.shares import Share, Unit
    from headworks.gateway.domain.shares import Decision
    from headworks.gateway.ports import ShareOffice

MINUTE = 60


def ask(limit_id: str = "lim_1", number: int = 1, **fields: object) -> ShareAsk:
    """One that wants nothing, unless `fields` say so."""
    whole: dict[str, object] = {
        "unit": "requests",
        "window_s": MINUTE,
        "amount": 100,
        "cap": 0,
        "used": 0,
        "need": 0,
        "want": 0,
    }
    chosen = {**whole, **fields}
    chosen["want"] = max(int(str(chosen["want"])), int(str(chosen["need"])))
    return ShareAsk(limit_id=limit_id, number=number, **chosen)  # type: ignore[arg-type]


@dataclass
class Member:
    """One life of a gateway, of one limit."""

    office: ShareOffice
    life: str
    amount: int = 100
    limit_id: str = "lim_1"
    unit: Unit = "requests"
    window_s: int = MINUTE
    cap: int = 0
    used: int = 0
    number: int = 0
    passing: list[tuple[int, int]] = field(default_factory=list)

    def put(self, *, need: int = 0, want: int = 0) -> ShareAsk:
        """What it says now, with a new number. Who needs something puts on the table what it has."""
        if need:
            self.cap = self.used
        self.number += 1
        return ShareAsk(
            self.limit_id,
            self.unit,
            self.window_s,
            self.amount,
            self.number,
            self.cap,
            self.used,
            need,
            max(need, want),
            tuple(self.passing or [(self.window_s * 1000 * 61 // 60, self.used)]),
        )

    def hear(self, share: Share) -> Share:
        """From then on."""
        self.cap = share.cap
        return share

    async def tell(self, *, need: int = 0, want: int = 0) -> Decision:
        """Ask the office itself."""
        (decision,) = await self.office.take(self.life, [self.put(need=need, want=want)])
        self.hear(decision.share)
        return decision

    async def use(self, amount: int, *, want: int = 0) -> bool:
        """Count an amount, with more of a share where it takes one. False where there is none."""
        if self.used + amount > self.cap:
            await self.tell(need=amount, want=want)
        if self.used + amount > self.cap:
            return False
        self.used += amount
        return True

    async def give_back(self) -> Decision:
        """All that it has to spare."""
        self.cap = self.used
        return await self.tell()


def caps(members: Sequence[Member]) -> int:
    """Of all together."""
    return sum(member.cap for member in members)
