"""What a limit or a budget can be set on, as identity and the catalog know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headworks.catalog.facade import CatalogFacade
    from headworks.identity.facade import IdentityFacade
    from headworks.kernel.scopes import Scope


@dataclass(frozen=True, slots=True)
class KnownScopes:
    """The ports `limits.ports.Scopes` and `ledger.ports.ScopeNames`."""

    identity: IdentityFacade
    catalog: CatalogFacade

    async def has(self, organization_id: str, scope: Scope, scope_id: str) -> bool:
        """Whether the organisation has such a thing now. Raises Unavailable."""
        if scope == "model":
            return await self.catalog.routes_for(organization_id, scope_id) is not None
        return await self.identity.has(organization_id, scope, scope_id)
