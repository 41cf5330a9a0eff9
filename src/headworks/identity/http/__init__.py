"""Identity's web door, under `/api/v1`."""

from headworks.identity.http import invitations, keys, members, organizations, projects, service_accounts, users
from headworks.kernel.web import Router

router = Router("/api/v1", tags=["identity"])
for part in (organizations, projects, users, members, invitations, service_accounts, keys):
    router.include_router(part.router)

__all__ = ["router"]
