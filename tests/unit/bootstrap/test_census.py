"""What control planes note of gateways, and learn of each other by it."""

from __future__ import annotations

import pytest

from headworks.bootstrap.census import Census
from headworks.bootstrap.shares import Office
from headworks.gateway.adapters.register import MemoryRegister
from headworks.gateway.domain.roster import Roster
from headworks.gateway.rpc import Changes
from headworks.kernel.errors import Unavailable


class Plane:
    """A control plane, as far as gateways that watch it go."""

    def __init__(self, register: MemoryRegister) -> None:
        """Beside others with the same register."""
        self.office = Office(None)
        self.roster = Roster()
        self.census = Census(register, self.roster, Changes(), self.office.shared_with)


async def test_who_gives_out_limits_beside_another_says_so() -> None:
    register = MemoryRegister()
    one, other = Plane(register), Plane(register)
    one.roster.began("gateway", "127.0.0.1:1")
    await one.census.once()
    await one.office.probe()
    await other.census.once()
    with pytest.raises(Unavailable, match="HEADWORKS_REDIS_URL"):
        await other.office.probe()
