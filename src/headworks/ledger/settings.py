"""The ledger's knobs."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class LedgerSettings(BaseModel):
    """For how long leases are given, and when what is not heard of again is taken back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    term_seconds: int = 60
    """How long a gateway may draw from a lease."""
    grace_seconds: int = 30
    """How long after the term usage that drew from it may still be on its way."""
    keep_seconds: int = 5
    """How often overdue holds and raises are looked for."""

    def expiry_us(self, at_us: int) -> int:
        """When a hold that is taken or renewed now is taken back, unless its gateway asks again before."""
        return at_us + (self.term_seconds + self.grace_seconds) * 1_000_000
