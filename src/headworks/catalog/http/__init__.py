"""The catalog's web door."""

from fastapi import APIRouter

from headworks.catalog.http import deployments, models, prices, providers

router = APIRouter(prefix="/api/v1", tags=["catalog"])
for part in (providers, deployments, models, prices):
    router.include_router(part.router)

__all__ = ["router"]
