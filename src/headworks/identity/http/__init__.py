"""Identity's web doors: people, places and keys under `/api/v1`, signing in, keys that verify access tokens, directories."""

from headworks.identity.http import (
    auth,
    directory,
    invitations,
    keys,
    members,
    organizations,
    projects,
    resets,
    second_factor,
    service_accounts,
    sessions,
    sso,
    sso_connections,
    users,
)
from headworks.identity.http.scim import router as scim_router
from headworks.kernel.web import Router

_management = Router("/api/v1")
for part in (
    organizations,
    projects,
    users,
    members,
    invitations,
    service_accounts,
    keys,
    sso_connections,
    directory,
):
    _management.include_router(part.router, tags=["identity"])
for part in (auth, second_factor, sessions, resets, sso):
    _management.include_router(part.router, tags=["sign-in"])

router = Router()
router.include_router(_management)
router.include_router(sessions.well_known, tags=["sign-in"])
router.include_router(scim_router)

__all__ = ["router"]
