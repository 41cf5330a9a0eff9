"""A typed client of the management API. What it says and takes is generated; how it travels is up to who uses it."""

from headworks.client.api import Api
from headworks.client.transport import Transport

__all__ = ["Api", "Transport"]
