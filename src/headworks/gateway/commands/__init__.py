"""What the gateway's doors ask for: decisions on requests, how much of a limit a gateway may count, and draining."""

from headworks.gateway.commands.draining import drain, undrain
from headworks.gateway.commands.resolving import Sources, resolve
from headworks.gateway.commands.sharing import Sharing

__all__ = ["Sharing", "Sources", "drain", "resolve", "undrain"]
