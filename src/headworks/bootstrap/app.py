"""The management API as one application: the contexts' routers, the installation's own, and what surrounds them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from fastapi import FastAPI

from headworks import __version__
from headworks.audit.http import router as audit_router
from headworks.bootstrap import operations
from headworks.bootstrap.dead_letters import router as dead_letters_router
from headworks.bootstrap.description import describe
from headworks.bootstrap.landing import router as landing_router
from headworks.bootstrap.rotation import router as rotation_router
from headworks.catalog.http import router as catalog_router
from headworks.gateway.http import router as gateway_router
from headworks.identity.http import router as identity_router
from headworks.kernel.web import install_problem_handlers, look_routes_up, provide, routes_of_nouns
from headworks.ledger.http import router as ledger_router
from headworks.limits.http import router as limits_router
from headworks.usage.http import router as usage_router

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headworks.kernel.web.table import Routes

ROUTERS = (
    identity_router,
    catalog_router,
    limits_router,
    usage_router,
    ledger_router,
    audit_router,
    rotation_router,
    dead_letters_router,
    gateway_router,
    operations.router,
    landing_router,
)


def build_app(provisions: Mapping[type, object]) -> FastAPI:
    """The application; `provisions` are what its routes ask for, by port."""
    app = _routed()
    look_routes_up(app, _nouns())
    install_problem_handlers(app)
    for port, thing in provisions.items():
        provide(app, port, thing)
    describe(app)
    return app


def _routed() -> FastAPI:
    app = FastAPI(title="Headworks", version=__version__, openapi_url=None, docs_url=None, redoc_url=None)
    for router in ROUTERS:
        app.include_router(router)
    return app


@cache
def _nouns() -> Routes:
    """The same for each application, of which tests make many."""
    return routes_of_nouns(_routed())
