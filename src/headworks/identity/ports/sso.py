"""Where single sign-on keeps its things: an organisation's connections, and sign-ins on their way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from headworks.identity.contracts import SsoAttempt, SsoConnection, SsoHandover
    from headworks.kernel.pagination import Page, PageRequest


class SsoConnections(Protocol):
    """The organisation's connections, and whom their directories' subjects are here."""

    async def page(self, page: PageRequest) -> Page[SsoConnection]:
        """The oldest first."""

    async def get(self, connection_id: str) -> SsoConnection | None:
        """None when the organisation has no such connection."""

    async def enabled(self) -> Sequence[SsoConnection]:
        """Those that people can sign in by, the oldest first."""

    async def add(self, connection: SsoConnection) -> None:
        """Keep a new one. Raises NameInUse."""

    async def replace(self, connection: SsoConnection) -> None:
        """Overwrite the one with this id. Raises NameInUse, Stale."""

    async def remove(self, connection_id: str) -> None:
        """Forget one, and whom its subjects were."""

    async def user_of(self, connection_id: str, subject: str) -> str | None:
        """The id of the user that somebody of the directory is here; None for who was never here."""

    async def link(self, connection_id: str, subject: str, user_id: str, at: datetime) -> None:
        """They are this user from now on."""

    async def unlink(self, connection_id: str) -> int:
        """Forget whom a connection's subjects were; how many there were."""


class SignOns(Protocol):
    """Sign-ins on their way, of the whole installation: the secret in each is the proof."""

    async def begin(self, attempt: SsoAttempt) -> None:
        """Keep a new one."""

    async def finish(self, state_hash: str) -> SsoAttempt | None:
        """Take it away: it is given once. None where there is none."""

    async def hand_over(self, handover: SsoHandover) -> None:
        """Keep a new one."""

    async def take_over(self, code_hash: str) -> SsoHandover | None:
        """Take it away: it is given once. None where there is none."""

    async def purge(self, before: datetime) -> None:
        """Forget those that nobody finished in time."""
