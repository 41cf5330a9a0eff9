"""What limits need from outside: a store that is bound to one organisation, and to know what can be limited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from headworks.kernel.audit import Change
    from headworks.kernel.scopes import Scope
    from headworks.limits.contracts import Limit


class LimitReader(Protocol):
    """One organisation's limits."""

    @property
    def organization_id(self) -> str:
        """Whose they are."""

    async def revision(self) -> int:
        """Moves with every change of them."""

    async def limits(self) -> list[Limit]:
        """All of them, the oldest first."""

    async def limit(self, limit_id: str) -> Limit | None:
        """None when the organisation has no such limit."""


class LimitWriter(LimitReader, Protocol):
    """A transaction. What it wrote is committed, and `limits.changed` announced, when its block ends well."""

    def audit(self, change: Change) -> None:
        """Write `change` to the audit trail, in this transaction."""

    async def add(self, limit: Limit) -> None:
        """Raises LimitExists when its scope has one of the same unit and window."""

    async def replace(self, limit: Limit) -> None:
        """Put it in the place of the one with its id. Raises Stale unless that is one version older."""

    async def remove(self, limit_id: str) -> None:
        """One of this organisation's."""


class LimitStore(Protocol):
    """The door to them. An organisation must be named."""

    def reading(self, organization_id: str) -> AbstractAsyncContextManager[LimitReader]:
        """Look-ups of one moment. Raises DatabaseUnavailable."""

    def writing(self, organization_id: str) -> AbstractAsyncContextManager[LimitWriter]:
        """One transaction. Raises DatabaseUnavailable."""

    async def revision(self, organization_id: str) -> int:
        """What `LimitReader.revision` says, without opening a view. Raises DatabaseUnavailable."""


class Scopes(Protocol):
    """Filled by identity and the catalog."""

    async def has(self, organization_id: str, scope: Scope, scope_id: str) -> bool:
        """Whether the organisation has such a thing now. Raises Unavailable."""
