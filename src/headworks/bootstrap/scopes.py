"""What a limit or a budget can be set on, as identity and the catalog know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headworks.catalog.facade import CatalogFacade
    from headworks.identity.facade import IdentityFacade
    from headworks.limits.contracts import Scope


@dataclass(frozen=True, slots=True)
class KnownScopes:
    """The port `limits.ports.Scopes`."""

    identity: IdentityFacade
    catalog: CatalogFacade

    async def exists(self, organization_id: str, scope: Scope, scope_id: str) -> bool:
        """Whether the organisation has such a thing now. Raises Unavailable."""
        if scope == "organization":
            return scope_id == organization_id
        if scope == "model":
            return await self.catalog.routes_for(organization_id, scope_id) is not None
        return await self.identity.has(organization_id, scope, scope_id)
