"""Which bus there is, by its address."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from headworks.kernel.bus import Bus, Topology
    from headworks.kernel.secrets import Secret

FILE: Final = "bus.sqlite3"
"""In the data folder."""
_MEMORY: Final = "memory:"


class BadBus(ValueError):
    """The address cannot be used. The text says why, and holds nothing of it."""


async def bus_from(url: Secret | None, topology: Topology, folder: Path) -> Bus:
    """RabbitMQ for `amqps://…`, the process's memory for `memory:`, a file in `folder` where nothing is said.

    Raises BadBus, BadBusAddress; BusRefused when another process has the file; the errors of `prepare_schema`. Does not connect.
    """
    if url is None:
        from headworks.kernel.bus.adapters.sqlite import SqliteBus  # noqa: PLC0415 - 20 MB that a gateway does without

        return await SqliteBus.open(folder / FILE, topology)
    if url.reveal() == _MEMORY:
        from headworks.kernel.bus.adapters.memory import MemoryBus  # noqa: PLC0415 - for one process alone

        return MemoryBus(topology)
    if find_spec("aiormq") is None:
        raise BadBus("RabbitMQ's driver aiormq is not installed; run: pip install 'headworks[rabbitmq]'")
    from headworks.kernel.bus.adapters.rabbitmq.address import Address  # noqa: PLC0415 - an extra, not everybody's
    from headworks.kernel.bus.adapters.rabbitmq.bus import RabbitBus  # noqa: PLC0415

    address = Address.parse(url)
    address.tls_context()
    return RabbitBus(address, topology)
