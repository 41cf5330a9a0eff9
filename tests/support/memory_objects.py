"""An object store in memory: the port, for tests of who uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.kernel.objects import ObjectsUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class MemoryObjects:
    """The port `Objects`."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}
        self.away = ""
        """Why it cannot be used; empty when it can."""
        self.breaks_off = False

    async def put(self, name: str, pieces: AsyncIterator[bytes]) -> None:
        """See the port."""
        read = b"".join([piece async for piece in pieces])
        if self.breaks_off:
            raise ObjectsUnavailable("The object store does not take it.")
        self.stored[name] = read

    async def link(self, name: str, seconds: int) -> str:
        """See the port."""
        return f"https://objects.example/{name}?for={seconds}"

    async def probe(self) -> None:
        """See the port."""
        if self.away:
            raise ObjectsUnavailable(self.away)
