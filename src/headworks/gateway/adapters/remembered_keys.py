"""The port `Keys` on identity's facade, with a memory for the time when its database does not answer."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from headworks.gateway.ports import FoundKey
from headworks.kernel.clock import monotonic
from headworks.kernel.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from headworks.gateway.settings import GatewaySettings
    from headworks.identity.contracts import KeyView

_MS = 1000


class RememberedKeys:
    """Always asks first. Remembers the keys that were found last, for a bounded time; strangers are never remembered."""

    def __init__(
        self,
        find: Callable[[str], Awaitable[KeyView | None]],
        settings: GatewaySettings,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`find` is `IdentityFacade.find_key_by_hash`; `clock` counts seconds."""
        self._find = find
        self._size = settings.remembered_keys
        self._hard_seconds = settings.hard_seconds
        self._clock = clock
        self._known: OrderedDict[str, tuple[KeyView, float]] = OrderedDict()

    async def find(self, key_hash: str) -> FoundKey:
        """Raises Unavailable when identity does not answer and the key was not seen lately."""
        try:
            key = await self._find(key_hash)
        except Unavailable:
            if (remembered := self._remembered(key_hash)) is None:
                raise
            return remembered
        self._remember(key_hash, key)
        return FoundKey(key)

    def _remember(self, key_hash: str, key: KeyView | None) -> None:
        self._known.pop(key_hash, None)
        if key is None:
            return
        self._known[key_hash] = (key, self._clock())
        if len(self._known) > self._size:
            self._known.popitem(last=False)

    def _remembered(self, key_hash: str) -> FoundKey | None:
        known = self._known.get(key_hash)
        if known is None or (age := self._clock() - known[1]) >= self._hard_seconds:
            return None
        return FoundKey(known[0], int(age * _MS))
