"""Redis: where it is. `client.py`, which needs redis-py, connects.

Who keeps something there has a prefix of its own, and an expiry on each key.
"""

from headworks.kernel.redis.address import Address, BadRedisAddress

__all__ = ["Address", "BadRedisAddress"]
