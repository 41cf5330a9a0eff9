"""Routes of the installation itself: health, metrics, status, and the description of the API."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Request
from fastapi.responses import JSONResponse, PlainTextResponse

from headworks import __version__
from headworks.bootstrap.health import Health, Report
from headworks.kernel.clock import now
from headworks.kernel.principal import Principal
from headworks.kernel.telemetry.metrics import CONTENT_TYPE, Metrics
from headworks.kernel.web import Envelope, ResponseModel, Router, Timestamp, envelope, provided, public, require

router = Router(tags=["operations"])

_NOT_READY = 503


@dataclass(frozen=True, slots=True)
class Installation:
    """What does not change while the process lives."""

    started_at: datetime
    data_folder: str
    endpoint: str
    """What an SDK takes as its base URL; ends in `/v1`."""


class CheckOut(ResponseModel):
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "degraded", "failed"]
    detail: str
    since: Timestamp | None
    """When it was first seen to be in this state, by this process."""


class HealthOut(ResponseModel):
    """Whether requests may be sent here."""

    status: Literal["ready", "degraded", "unready"]
    version: str
    checks: list[CheckOut]
    spool: dict[str, object] | None
    """The usage spool's level, as the engine tells it."""


class AliveOut(ResponseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"
    version: str = __version__


class StartingOut(ResponseModel):
    """The process answers, and does not serve yet."""

    status: Literal["starting"] = "starting"
    version: str = __version__


class StatusOut(ResponseModel):
    """The installation at a glance."""

    version: str
    status: Literal["ready", "degraded", "unready"]
    checks: list[CheckOut]
    started_at: Timestamp
    uptime_seconds: int
    endpoint: str
    data_folder: str
    engine: dict[str, object]
    """What the engine says of itself."""


_UNREADY: dict[int | str, dict[str, Any]] = {_NOT_READY: {"model": HealthOut, "description": "Not now."}}
_STARTING: dict[int | str, dict[str, Any]] = {_NOT_READY: {"model": StartingOut, "description": "Not yet."}}


@router.get("/healthz", dependencies=[public()], summary="Is the process alive?")
@router.get("/health/live", dependencies=[public()], summary="Is the process alive?")
async def live() -> AliveOut:
    """Answers as long as the process does; looks at nothing."""
    return AliveOut()


@router.get(
    "/health",
    dependencies=[public()],
    summary="May requests be sent here?",
    response_model=HealthOut,
    responses=_UNREADY,
)
@router.get(
    "/ready",
    dependencies=[public()],
    summary="May requests be sent here?",
    response_model=HealthOut,
    responses=_UNREADY,
)
@router.get(
    "/health/ready",
    dependencies=[public()],
    summary="May requests be sent here?",
    response_model=HealthOut,
    responses=_UNREADY,
)
async def ready(health: Annotated[Health, provided(Health)]) -> JSONResponse:
    """200 when ready or degraded, 503 when not; the body says what is wrong."""
    return _health_answer(await health.report())


@router.get(
    "/health/startup",
    dependencies=[public()],
    summary="Has the start finished?",
    response_model=AliveOut,
    responses=_STARTING,
)
async def startup(health: Annotated[Health, provided(Health)]) -> JSONResponse:
    """503 until everything stands, 200 ever after."""
    body = AliveOut() if health.started else StartingOut()
    return JSONResponse(body.model_dump(), 200 if health.started else _NOT_READY)


@router.get("/metrics", summary="Metrics", response_class=PlainTextResponse)
async def metrics(
    _caller: Annotated[Principal | None, require("metrics:read", or_loopback=True)],
    health: Annotated[Health, provided(Health)],
    own: Annotated[Metrics, provided(Metrics)],
) -> PlainTextResponse:
    """The engine's and Python's, in the Prometheus text format. From this machine without a key."""
    return PlainTextResponse(f"{health.engine.metrics().rstrip()}\n{own.render()}", media_type=CONTENT_TYPE)


@router.get("/api/v1/status", summary="The installation at a glance")
async def status(
    request: Request,
    _caller: Annotated[Principal, require("status:read")],
    health: Annotated[Health, provided(Health)],
    installation: Annotated[Installation, provided(Installation)],
) -> Envelope[StatusOut]:
    """Version, health, and what the engine says of itself."""
    report = await health.report()
    out = StatusOut(
        version=__version__,
        status=report.status,
        checks=_checks(report),
        started_at=installation.started_at,
        uptime_seconds=int((now() - installation.started_at).total_seconds()),
        endpoint=installation.endpoint,
        data_folder=installation.data_folder,
        engine=dict(report.engine),
    )
    return envelope(out, request)


@router.get("/api/v1/openapi.json", dependencies=[public()], include_in_schema=False)
async def openapi(request: Request) -> JSONResponse:
    """The description of this API (OpenAPI 3.1)."""
    return JSONResponse(request.app.openapi())


def _health_answer(report: Report) -> JSONResponse:
    spool = report.engine.get("spool")
    body = HealthOut(
        status=report.status,
        version=__version__,
        checks=_checks(report),
        spool=spool if isinstance(spool, dict) else None,
    )
    return JSONResponse(body.model_dump(mode="json"), _NOT_READY if report.status == "unready" else 200)


def _checks(report: Report) -> list[CheckOut]:
    return [
        CheckOut(name=check.name, state=check.state, detail=check.detail, since=check.since) for check in report.checks
    ]
