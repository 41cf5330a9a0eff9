"""Hashing passwords: slow on purpose, so never in the loop's thread, and never many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from headworks.kernel.secrets import Secret


class Hasher(Protocol):
    """Hashes passwords and compares them with hashes."""

    async def hash(self, password: Secret) -> str:
        """The hash of a password that `domain.passwords` has accepted. Raises SignInBusy when too many wait."""

    async def verify(self, password: Secret, stored: str | None) -> bool:
        """Whether it is the password of `stored`. It takes the same work where there is none, or the text is too long.

        Raises SignInBusy when too many wait.
        """

    def is_outdated(self, stored: str) -> bool:
        """Whether it was made at another cost than new ones are."""
