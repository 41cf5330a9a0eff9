"""Usage over HTTP: reports, forecasts, single requests, exports, and making roll-ups anew."""

from headworks.kernel.web import Router
from headworks.usage.http import events, exports, forecasts, rebuilds, rejected, reports, stored

router = Router("/api/v1", tags=["usage"])
for part in (reports, forecasts, exports, stored, events, rejected, rebuilds):
    router.include_router(part.router)

__all__ = ["router"]
