"""Which gateways in other processes there are, as far as this control plane has heard: kept in memory, for an hour beyond their leaving.

What several control planes have heard comes together in a table (`gateway.ports.Register`).
"""

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

REMEMBERED: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Said:
    """What a gateway says of itself with whatever it asks."""

    version: str = ""
    """Of its Headworks; empty where it does not tell."""
    waiting_records: int | None = None
    """Of its spool, which nobody had taken; None where it does not tell."""
    open_requests: int | None = None
    """That have begun and not ended; None where it does not tell."""
    draining: bool = False
    """Whether it tells balancers to go elsewhere."""


@dataclass(frozen=True, slots=True)
class KnownGateway:
    """What is known of one."""

    id: str
    """Of its spool, in this life as in the last."""
    address: str
    """The peer's, as the connection says it."""
    heard_at: datetime
    """When it asked something last. One that watches and has nothing to ask is well all the same."""
    said: Said = Said()
    """When it asked something last."""
    watching_since: datetime | None = None
    """None while it does not hear of changes."""
    away_since: datetime | None = None
    """None while it does."""
    revision: int = 0
    """The last change that it was told."""
    watches: int = 0
    """How many of its watches are open: two for a moment, when it comes back before its loss was noticed."""


_NOTHING: Final = Said()


class Roster:
    """Any thread may tell it something, or ask."""

    def __init__(self, clock: Clock = now) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, KnownGateway] = {}
        self._newest: Callable[[], int] = int
        self._to_drain: frozenset[str] = frozenset()

    def follow(self, newest: Callable[[], int]) -> None:
        """Who counts the changes that gateways are told."""
        self._newest = newest

    @property
    def newest(self) -> int:
        """The last change that there was."""
        return self._newest()

    def order(self, to_drain: frozenset[str]) -> bool:
        """These gateways, and no others, are to tell balancers to go elsewhere; whether that is news."""
        with self._lock:
            before, self._to_drain = self._to_drain, to_drain
        return before != to_drain

    def is_to_drain(self, gateway: str) -> bool:
        """Whether somebody ordered it."""
        return gateway in self._to_drain

    def heard(self, gateway: str, address: str, said: Said = _NOTHING) -> None:
        """It asked something, and said this of itself."""
        with self._lock:
            self._note(gateway, address, said)

    def began(self, gateway: str, address: str, said: Said = _NOTHING) -> None:
        """It begins to watch."""
        with self._lock:
            found = self._note(gateway, address, said)
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

    def _note(self, gateway: str, address: str, said: Said) -> KnownGateway:
        self._forget()
        at = self._clock()
        found = self._known.get(gateway) or KnownGateway(gateway, address, at, away_since=at)
        found = replace(
            found,
            address=address,
            heard_at=at,
            said=replace(
                said,
                version=said.version or found.said.version,
                waiting_records=_newer(said.waiting_records, found.said.waiting_records),
                open_requests=_newer(said.open_requests, found.said.open_requests),
            ),
        )
        self._known[gateway] = found
        return found

    def _forget(self) -> None:
        until = self._clock() - REMEMBERED
        self._known = {gateway: one for gateway, one in self._known.items() if _is_remembered(one, until)}


def _is_remembered(one: KnownGateway, until: datetime) -> bool:
    return one.away_since is None or max(one.heard_at, one.away_since) >= until


def _newer(now: int | None, before: int | None) -> int | None:
    return before if now is None else now
