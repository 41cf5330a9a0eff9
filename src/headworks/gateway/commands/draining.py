"""Have a gateway tell balancers to go elsewhere, or no longer. It hears of it within a second, by whichever control plane it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.gateway.errors import GatewayNotFound
from headworks.kernel.audit import Change

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.gateway.domain.registered import Registered
    from headworks.gateway.ports import Register


async def drain(register: Register, gateway: str, at: datetime) -> Registered:
    """As it stands then; safe to repeat. Raises GatewayNotFound."""
    found = await _of(register, gateway, at)
    if found.draining_since is not None:
        return found
    before, after = {"draining": False}, {"draining": True}
    await register.drain(gateway, at, Change("gateways.drained", "gateway", gateway, before, after))
    return await _of(register, gateway, at)


async def undrain(register: Register, gateway: str, at: datetime) -> None:
    """Also of one that nobody has heard of for long; safe to repeat. Raises GatewayNotFound."""
    if gateway not in await register.to_drain():
        await _of(register, gateway, at)
        return
    before, after = {"draining": True}, {"draining": False}
    await register.undrain(gateway, Change("gateways.undrained", "gateway", gateway, before, after))


async def _of(register: Register, gateway: str, at: datetime) -> Registered:
    found = {one.gateway.id: one for one in await register.gateways(at)}.get(gateway)
    if found is None:
        raise GatewayNotFound(gateway)
    return found
