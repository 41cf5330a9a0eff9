"""What of the data folder goes along: the databases alone are no installation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.bootstrap.moving.plan import BadMove
from headworks.dataplane.engine import EngineError, waiting_in_spool

if TYPE_CHECKING:
    from pathlib import Path

    from headworks.bootstrap.home import Home
    from headworks.bootstrap.settings import Settings


@dataclass(frozen=True, slots=True)
class Files:
    """Beside the databases."""

    keyring: Path
    """Without it no stored secret can be read, and no trail be checked."""
    credentials: Path | None
    """Where the command line finds the first keys."""
    spool: Path
    waiting: int
    """Records in the spool that are stored nowhere else."""
    unfinished: int
    """Requests in the spool whose end is not known; the next start settles them."""

    @property
    def spool_is_empty(self) -> bool:
        """Whether the spool may stay behind."""
        return not (self.waiting or self.unfinished)


def look(home: Home, settings: Settings) -> Files:
    """Raises BadMove where the keyring is not there, or the spool cannot be read."""
    keyring = settings.keyring or home.keyring
    if not keyring.exists():
        raise BadMove(
            f"The keyring {keyring} is not there, and without it no stored secret can be read. Restore it from a backup, or "
            "say where it is: HEADWORKS_KEYRING."
        )
    try:
        waiting, unfinished = waiting_in_spool(home.spool)
    except EngineError as error:
        raise BadMove(f"{error}. What waits there would be lost.") from error
    credentials = home.credentials if home.credentials.exists() else None
    return Files(keyring, credentials, home.spool, waiting, unfinished)
