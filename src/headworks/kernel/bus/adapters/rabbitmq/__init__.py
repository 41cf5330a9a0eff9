"""RabbitMQ: quorum queues, publisher confirms, dead letters that are not lost. The decision: docs/decisions/0018.

`address.py` says where it is, `layout.py` what is declared there, `link.py` keeps a connection, `publisher.py` and `sources.py` use it.
"""

from headworks.kernel.bus.adapters.rabbitmq.address import Address, BadBusAddress
from headworks.kernel.bus.adapters.rabbitmq.bus import RabbitBus, Waits

__all__ = ["Address", "BadBusAddress", "RabbitBus", "Waits"]
