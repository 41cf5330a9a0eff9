"""Rotation of the keyring: a new key, everything sealed anew, and the old key forgotten when nothing needs it.

In this order, so that it can be cut short anywhere: every secret opens at every moment, and the next rotation goes on where
this one stopped.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from headworks.kernel.audit import Change
from headworks.kernel.errors import Conflict
from headworks.kernel.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from headworks.kernel.secrets import Keyring


class RotationRunning(Conflict):
    """Two rotations at once would leave one of the new keys without a use."""

    code = "rotation_running"
    title = "A rotation is running"


class Sealed(Protocol):
    """A place that keeps sealed secrets. A test holds that every such column of every context is covered by one."""

    async def sealed_by(self) -> Mapping[str, int]:
        """How many secrets each key seals, by the key's id."""

    async def reseal(self) -> int:
        """Seal with the newest key what another one sealed; returns how many. Safe to repeat."""


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A key of the keyring, or one that is missing from it, and what it seals."""

    id: str
    is_current: bool
    is_missing: bool
    secrets: int


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did."""

    key_id: str
    """The key that seals now."""
    resumed: bool
    """It finished an earlier one, so there is no new key."""
    resealed: int
    dropped: tuple[str, ...]
    remaining: int
    """Secrets that could not be read, and are as they were; the log names them."""


@dataclass(slots=True)
class Rotation:
    """The keyring, and every place where its keys seal something."""

    keyring: Keyring
    places: Sequence[Sealed]
    note: Callable[[Change], Awaitable[None]]
    """Writes to the audit trail."""
    _running: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def status(self) -> list[KeyUse]:
        """Every key, the oldest first. Raises DatabaseUnavailable."""
        counts = await self._counts()
        known = await asyncio.to_thread(lambda: self.keyring.key_ids)
        current = self.keyring.sealer.current
        missing = sorted(set(counts) - set(known))
        return [KeyUse(key_id, key_id == current, key_id in missing, counts[key_id]) for key_id in (*missing, *known)]

    async def rotate(self) -> Rotated:
        """Raises RotationRunning, DatabaseUnavailable, OSError."""
        if self._running.locked():
            raise RotationRunning("Another rotation is running; `headworks secrets status` shows how far it is.")
        async with self._running:
            resumed = await self._is_unfinished()
            key_id = self.keyring.sealer.current if resumed else new_id("kek")
            # Noted before it is done: a trail that tells of a key which a kill prevented is better than the contrary.
            await self.note(Change("keyring.rotation_begun", "keyring", key_id, None, {"resumed": resumed}))
            if not resumed:
                await asyncio.to_thread(self.keyring.add, key_id)
            resealed = sum([await place.reseal() for place in self.places])
            dropped, remaining = await self._drop_unused()
            view = {"resealed": resealed, "dropped": list(dropped), "remaining": remaining}
            await self.note(Change("keyring.rotated", "keyring", key_id, None, view))
            return Rotated(key_id, resumed, resealed, dropped, remaining)

    async def _is_unfinished(self) -> bool:
        """Whether a key that is not the newest seals something that can be opened."""
        known = await asyncio.to_thread(lambda: self.keyring.key_ids)
        counts = await self._counts()
        return any(counts[key_id] for key_id in known if key_id != self.keyring.sealer.current)

    async def _drop_unused(self) -> tuple[tuple[str, ...], int]:
        """The keys that were dropped, and how many secrets are still sealed by others than the newest."""
        counts = await self._counts()
        current = self.keyring.sealer.current
        known = await asyncio.to_thread(lambda: self.keyring.key_ids)
        unused = tuple(key_id for key_id in known if key_id != current and not counts[key_id])
        if unused:
            await asyncio.to_thread(self.keyring.drop, unused)
        return unused, counts.total() - counts[current]

    async def _counts(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for place in self.places:
            total.update(await place.sealed_by())
        return total
