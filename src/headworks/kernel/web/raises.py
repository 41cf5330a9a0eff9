"""The errors that a route may answer with, by its own word, for the description of the API.

What every route may answer (no key, no permission, a database that is away) goes without saying. A test hears every refusal of
the other tests, and fails on one that the route's description does not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import Depends

if TYPE_CHECKING:
    from fastapi.params import Depends as Dependency

    from headworks.kernel.errors import HeadworksError


@dataclass(frozen=True, slots=True)
class Raises:
    """Kinds of errors. As a dependency it does nothing: that the route names it is the point."""

    kinds: tuple[type[HeadworksError], ...]

    async def __call__(self) -> None:
        """Nothing."""


def raises(*kinds: type[HeadworksError]) -> Dependency:
    """Name what the route's use case may raise: `dependencies=[raises(KeyNotFound, KeyIsRevoked)]`."""
    dependency: Dependency = Depends(Raises(kinds))
    return dependency
