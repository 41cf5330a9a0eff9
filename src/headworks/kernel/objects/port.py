"""What is asked of an object store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from headworks.kernel.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class ObjectsUnavailable(Unavailable):
    """The object store does not answer, or refuses us."""

    code = "object_store_unavailable"
    title = "The object store cannot be used"


class Objects(Protocol):
    """Names are paths with `/`, whose first part says which organisation an object belongs to."""

    async def put(self, name: str, pieces: AsyncIterator[bytes]) -> None:
        """Store what comes, of whatever length, without holding it: whole, or not at all. Raises ObjectsUnavailable."""

    async def link(self, name: str, seconds: int) -> str:
        """A URL by which whoever has it may read the object for so long. Raises ObjectsUnavailable."""

    async def probe(self) -> None:
        """Raises ObjectsUnavailable where the store cannot be used."""
