"""Which gateways in other processes there are, as far as this control plane has heard: kept in memory, for an hour beyond their leaving."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from headworks.kernel.clock import now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from headworks.kernel.clock import Clock

_REMEMBERED: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class KnownGateway:
    """What is known of one."""

    id: str
    """Of its spool, in this life as in the last."""
    address: str
    """The peer's, as the connection says it."""
    heard_at: datetime
    """When it asked something last. One that watches and has nothing to ask is well all the same."""
    version: str = ""
    """Of its Headworks; empty where it does not tell."""
    waiting_records: int | None = None
    """Of its spool, which nobody had taken when it asked last; None where it does not tell."""
    watching_since: datetime | None = None
    """None while it does not hear of changes."""
    away_since: datetime | None = None
    """None while it does."""
    revision: int = 0
    """The last change that it was told."""
    watches: int = 0
    """How many of its watches are open: two for a moment, when it comes back before its loss was noticed."""


class Roster:
    """Any thread may tell it something, or ask."""

    def __init__(self, clock: Clock = now) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, KnownGateway] = {}
        self._newest: Callable[[], int] = int

    def follow(self, newest: Callable[[], int]) -> None:
        """Who counts the changes that gateways are told."""
        self._newest = newest

    @property
    def newest(self) -> int:
        """The last change that there was."""
        return self._newest()

    def heard(self, gateway: str, address: str, version: str = "", waiting_records: int | None = None) -> None:
        """It asked something, and said this of itself."""
        with self._lock:
            self._note(gateway, address, version, waiting_records)

    def began(self, gateway: str, address: str, version: str = "", waiting_records: int | None = None) -> None:
        """It begins to watch."""
        with self._lock:
            found = self._note(gateway, address, version, waiting_records)
            since = found.watching_since or found.heard_at
            self._known[gateway] = replace(found, watches=found.watches + 1, watching_since=since, away_since=None)

    def told(self, gateway: str, revision: int) -> None:
        """It was told of that change, while it watches."""
        with self._lock:
            if gateway in self._known:
                self._known[gateway] = replace(self._known[gateway], revision=revision)

    def left(self, gateway: str) -> None:
        """One of its watches is over."""
        with self._lock:
            found = self._known.get(gateway)
            if found is None or not found.watches:
                return
            found = replace(found, watches=found.watches - 1)
            if not found.watches:
                found = replace(found, watching_since=None, away_since=self._clock())
            self._known[gateway] = found

    def gateways(self) -> list[KnownGateway]:
        """By id, without those that have been away for an hour."""
        with self._lock:
            self._forget()
            return [self._known[gateway] for gateway in sorted(self._known)]

    def _note(self, gateway: str, address: str, version: str, waiting_records: int | None) -> KnownGateway:
        self._forget()
        at = self._clock()
        found = self._known.get(gateway) or KnownGateway(gateway, address, at, away_since=at)
        found = replace(
            found,
            address=address,
            heard_at=at,
            version=version or found.version,
            waiting_records=found.waiting_records if waiting_records is None else waiting_records,
        )
        self._known[gateway] = found
        return found

    def _forget(self) -> None:
        until = self._clock() - _REMEMBERED
        self._known = {gateway: one for gateway, one in self._known.items() if _is_remembered(one, until)}


def _is_remembered(one: KnownGateway, until: datetime) -> bool:
    return one.away_since is None or max(one.heard_at, one.away_since) >= until
