"""The doors for the web: keys, organisations, projects; signing in, sessions, oneself."""

from fastapi import APIRouter

from headworks.identity.http import auth, keys, second_factor, sessions

router = APIRouter()
router.include_router(keys.router)
for part in (auth, second_factor, sessions):
    router.include_router(part.router, prefix="/api/v1")
router.include_router(sessions.well_known)

__all__ = ["router"]
