"""The catalog's web door."""

from headworks.catalog.http import deployments, models, prices, providers
from headworks.kernel.web import Router

router = Router("/api/v1", tags=["catalog"])
for part in (providers, deployments, models, prices):
    router.include_router(part.router)

__all__ = ["router"]
