"""Where things belong: organisations, and the projects in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.contracts.people import State

ProjectState = Literal["active", "archived"]


@dataclass(frozen=True, slots=True)
class Organization:
    """A tenant: the outermost wall that no query crosses."""

    id: str
    name: str
    created_at: datetime
    state: State = "active"
    """While it is disabled its keys do not work, and nobody acts in it."""
    version: int = 1
    """Counts its changes, for two editors who must not overwrite each other."""


@dataclass(frozen=True, slots=True)
class Project:
    """A part of an organisation that keys and costs belong to."""

    id: str
    organization_id: str
    name: str
    created_at: datetime
    state: ProjectState = "active"
    """While it is archived its keys do not work, and none is made in it."""
    version: int = 1
