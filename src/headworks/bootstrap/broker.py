"""The bus between processes, by the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.bootstrap.usage_queue import TOPOLOGY
from headworks.kernel.bus.adapters.rabbitmq import Address, RabbitBus

if TYPE_CHECKING:
    from headworks.bootstrap.settings import Settings
    from headworks.kernel.bus import Bus


def open_bus(settings: Settings) -> Bus:
    """It connects when it is first used. Raises ValueError where no broker is named; `check_role` says so kindly, before."""
    if settings.bus_url is None:
        raise ValueError("HEADWORKS_BUS_URL is needed")
    return RabbitBus(Address.parse(settings.bus_url), TOPOLOGY)
