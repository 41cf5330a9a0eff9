"""The port `ShareOffice` on Redis, so that several control planes are one office. `take.lua` has the rules, `office.py` asks."""

from headworks.gateway.adapters.redis_shares.office import RedisShareOffice

__all__ = ["RedisShareOffice"]
