"""Sources that send keys which nobody knows: each has a number of tries, which come back with time.

As the engine counts them for `/v1` (`engine/src/limit/strangers.rs`): a source is an IPv4 address, or the /64 of an IPv6 one, since
whoever has one address there has them all. The table is bounded: where it is full of sources that are being counted, all further ones
share the tries of one.
"""

from __future__ import annotations

import ipaddress
import math
from typing import TYPE_CHECKING, Final

from headworks.kernel.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCES: Final = 16_384
"""How many sources are told apart."""
_SWEEP_SECONDS: Final = 1.0
"""How often a full table is searched for sources whose tries have all come back."""
_OF_ONE_CUSTOMER: Final = 64
_OTHERS: Final = "others"


class Strangers:
    """How many tries each source has left. Belongs to one loop."""

    def __init__(
        self,
        rate: float = 0.0,
        burst: int = 1,
        *,
        counts_loopback: bool = False,
        capacity: int = SOURCES,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`rate`: tries a second that come back, 0 for no limit; `burst`: how many there are at first, at least 1."""
        self._interval = 1 / rate if rate else 0.0
        self._burst = burst * self._interval
        self._counts_loopback = counts_loopback
        self._capacity = capacity
        self._clock = clock
        # When the tries of a source will all have come back: one number is the whole bucket.
        self._replete: dict[str, float] = {}
        self._swept = -math.inf

    @property
    def sources(self) -> int:
        """How many are being counted."""
        return len(self._replete)

    def take(self, source: str | None) -> int | None:
        """Use up a try. None where there was one, else in how many seconds there will be; `source` is an IP address."""
        bucket = self._bucket(source)
        if bucket is None:
            return None
        now = self._clock()
        replete = max(self._replete.get(bucket, now), now) + self._interval
        wait = replete - now - self._burst
        # Sums of intervals are not exact.
        if wait > self._interval * 1e-6:
            return math.floor(wait) + 1
        self._replete[bucket] = replete
        return None

    def give_back(self, source: str | None) -> None:
        """The key turned out to be a real one."""
        bucket = self._bucket(source)
        if bucket in self._replete:
            self._replete[bucket] -= self._interval

    def _bucket(self, source: str | None) -> str | None:
        """Whose tries these are; None for a source that is not counted."""
        if not self._interval:
            return None
        name = _source(source, counts_loopback=self._counts_loopback)
        if name is None or name in self._replete or len(self._replete) < self._capacity:
            return name
        now = self._clock()
        if now >= self._swept + _SWEEP_SECONDS:
            self._swept = now
            self._replete = {known: replete for known, replete in self._replete.items() if replete > now}
        return name if len(self._replete) < self._capacity else _OTHERS


def _source(text: str | None, *, counts_loopback: bool) -> str | None:
    """What stands for an address; None for this machine, unless it is counted too."""
    if text is None:
        return ""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback and not counts_loopback:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, _OF_ONE_CUSTOMER), strict=False))
    return str(address)
