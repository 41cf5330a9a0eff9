"""Routes that will go: every answer of theirs says since when they are deprecated, until when they last, and what follows them.

Headers as in RFC 9745 (Deprecation) and RFC 8594 (Sunset).
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING

from fastapi import Depends

if TYPE_CHECKING:
    from datetime import datetime

    from fastapi.params import Depends as Dependency


@dataclass(frozen=True, slots=True)
class Retirement:
    """When a route goes, and what comes after it. As a dependency it does nothing: that the route names it is the point."""

    deprecated_at: datetime
    """In UTC."""
    sunset_at: datetime | None = None
    """In UTC; None while nobody knows."""
    successor: str | None = None
    """Path of the route that takes its place."""

    async def __call__(self) -> None:
        """Nothing."""

    def headers(self) -> dict[str, str]:
        """For every answer of the route, good or bad."""
        said = {"deprecation": f"@{int(self.deprecated_at.timestamp())}"}
        if self.sunset_at is not None:
            said["sunset"] = format_datetime(self.sunset_at, usegmt=True)
        if self.successor is not None:
            said["link"] = f'<{self.successor}>; rel="successor-version"'
        return said


def retires(deprecated_at: datetime, *, sunset_at: datetime | None = None, successor: str | None = None) -> Dependency:
    """For a route that will go: `dependencies=[retires(…)]`. The description marks it as deprecated."""
    dependency: Dependency = Depends(Retirement(deprecated_at, sunset_at, successor))
    return dependency
