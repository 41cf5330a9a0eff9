"""The schemas of all contexts, seen and changed where they are: what `headworks db` runs. No server is needed for it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.bootstrap.databases import Databases
from headworks.bootstrap.home import Home

if TYPE_CHECKING:
    from headworks.bootstrap.databases import Place
    from headworks.bootstrap.settings import Settings
    from headworks.kernel.database import Standing


@dataclass(frozen=True, slots=True)
class Found:
    """A context's tables: where they are, and how they stand."""

    place: Place
    standing: Standing

    @property
    def keeps_from_starting(self) -> bool:
        """Whether `headworks up` refuses. Files that are missing or old it mends by itself."""
        return not (self.standing.may_serve or (self.place.address is None and self.standing.condition != "newer"))


async def look(settings: Settings) -> tuple[list[Found], int]:
    """How everything stands, and how many connections a process takes at most. Raises HeadworksError."""
    databases = Databases(Home(settings.home), settings)
    return [Found(place, await databases.standing(place)) for place in databases], databases.most_connections


async def migrate(settings: Settings) -> list[Found]:
    """Bring everything to what this version wants; how it stood before. Safe to repeat.

    Raises HeadworksError; and HomeError where files are used by a server that runs.
    """
    home = Home(settings.home)
    databases = Databases(home, settings)
    with ExitStack() as stack:
        if any(place.address is None for place in databases):
            home.prepare()
            stack.enter_context(home.lock())
        return [Found(place, await databases.migrate(place)) for place in databases]
