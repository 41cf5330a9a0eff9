"""What one process tells or asks of another: events, which every group hears, and tasks, which one worker takes.

`port.py` is what users of it see; `consuming.py` holds what all adapters promise alike. Adapters are chosen by bootstrap alone.
"""

from headworks.kernel.bus.catalogue import MessageType
from headworks.kernel.bus.errors import BusFull, BusRefused, BusUnavailable, Poison
from headworks.kernel.bus.message import LEVELS, Level, Message
from headworks.kernel.bus.port import Batching, Bus, DeadLetter, Handler, Reason, Standing
from headworks.kernel.bus.topology import Group, Policy, TaskQueue, Topology

__all__ = [
    "LEVELS",
    "Batching",
    "Bus",
    "BusFull",
    "BusRefused",
    "BusUnavailable",
    "DeadLetter",
    "Group",
    "Handler",
    "Level",
    "Message",
    "MessageType",
    "Poison",
    "Policy",
    "Reason",
    "Standing",
    "TaskQueue",
    "Topology",
]
