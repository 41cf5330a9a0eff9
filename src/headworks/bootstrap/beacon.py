"""Health and metrics of a process that has no management API. It speaks to the engine alone, over a Unix socket.

Starlette and not FastAPI: there is no schema to make of three routes, and a gateway is measured by the memory it takes; FastAPI would
add 13.7 MB to the 53.7 MB that its imports take.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from headworks import __version__
from headworks.kernel.moments import micros, said
from headworks.kernel.telemetry.metrics import CONTENT_TYPE, Metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from headworks.bootstrap.health import Health, Report

_NOT_READY: Final = 503
_FORBIDDEN: Final = 403


def beacon(health: Health, metrics: Metrics, networks: Sequence[str]) -> Starlette:
    """`networks` (CIDR) may read the metrics; anybody may ask for health."""
    allowed = [ipaddress.ip_network(network) for network in networks]

    async def live(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "version": __version__})

    async def ready(_request: Request) -> JSONResponse:
        report = await health.report()
        return JSONResponse(_shown(report), _NOT_READY if report.status == "unready" else 200)

    async def startup(_request: Request) -> JSONResponse:
        state = "ok" if health.started else "starting"
        return JSONResponse({"status": state, "version": __version__}, 200 if health.started else _NOT_READY)

    async def show_metrics(request: Request) -> PlainTextResponse:
        if not _is_in(request.headers.get("x-headworks-client-address", ""), allowed):
            text = "The metrics of a gateway are for the networks of HEADWORKS_METRICS_NETWORKS.\n"
            return PlainTextResponse(text, _FORBIDDEN)
        text = f"{health.engine.metrics().rstrip()}\n{metrics.render()}"
        return PlainTextResponse(text, media_type=CONTENT_TYPE)

    return Starlette(
        routes=[
            *(Route(path, live) for path in ("/healthz", "/health/live")),
            *(Route(path, ready) for path in ("/health", "/ready", "/health/ready")),
            Route("/health/startup", startup),
            Route("/metrics", show_metrics),
        ]
    )


def _shown(report: Report) -> dict[str, object]:
    checks = [
        {
            "name": check.name,
            "state": check.state,
            "detail": check.detail,
            "since": check.since and said(micros(check.since)),
        }
        for check in report.checks
    ]
    return {
        "status": report.status,
        "version": __version__,
        "checks": checks,
        "spool": report.engine.get("spool"),
    }


def _is_in(address: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks)
