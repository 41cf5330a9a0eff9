"""How our errors are told over gRPC."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import grpc

from headworks.kernel.errors import HeadworksError
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_log = logger(__name__)

OURS: Final = (("headworks-answered", "1"),)
"""Trailing metadata of what we say: a connection that is gone says UNAVAILABLE, too."""
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
"""Of any call; grpcio's types say nothing more that is of use."""


@asynccontextmanager
async def answering(context: Context) -> AsyncIterator[None]:
    """UNAVAILABLE for what cannot be told now, INTERNAL for a bug, whose text stays in the log."""
    try:
        yield
    except HeadworksError as error:
        _log.error("question of a gateway not answered", code=error.code, detail=error.detail or error.message)
        await context.abort(grpc.StatusCode.UNAVAILABLE, error.message, OURS)
    except grpc.aio.AbortError:
        raise
    except Exception:  # noqa: BLE001 - a bug must not tell a gateway what is inside
        _log.exception("question of a gateway not answered")
        await context.abort(grpc.StatusCode.INTERNAL, "the control plane failed; its log says why", OURS)
