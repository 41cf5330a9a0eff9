"""Hears what must be asked for anew, and has the engine forget it. A connection that is lost is made anew for ever."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Final

import grpc

from headworks.dataplane.wire.control_pb2 import WatchRequest, WatchResponse
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from headworks.gateway.adapters.control.decisions import RemoteController
    from headworks.gateway.adapters.control.kept import KeptFlows
    from headworks.gateway.adapters.control.link import Link
    from headworks.gateway.ports import Forgets

_log = logger(__name__)

SILENCE_SECONDS: Final = 6.0
"""Three beats that did not come."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class Watcher:
    """Belongs to the loop of the controller."""

    def __init__(
        self,
        gateway: str,
        link: Link,
        table: Forgets,
        controller: RemoteController,
        kept: KeptFlows,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        """`gateway` is the id of its spool."""
        self._gateway = gateway
        self._link = link
        self._table = table
        self._controller = controller
        self._kept = kept
        self._silence_seconds = silence_seconds
        self.instance = ""
        self.revision = 0
        """The last change that was heard, of the process `instance`."""

    async def run(self) -> None:
        """Until cancelled."""
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._listen()
            except (grpc.aio.AioRpcError, TimeoutError) as error:
                if self._link.heard or pause == _FIRST_PAUSE:
                    _log.warning("the control plane is away; going on with what is known", detail=_said(error))
            except Exception:  # noqa: BLE001 - whatever it is, what is heard next must not be missed
                _log.exception("a change was not taken in; asking for everything anew")
                self.instance = ""
            pause = _FIRST_PAUSE if self._link.heard else min(pause * 2, _LONGEST_PAUSE)
            self._link.heard = False
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads gateways, hides nothing

    async def _listen(self) -> None:
        """Until the connection is lost or silent. Raises AioRpcError, TimeoutError."""
        request = WatchRequest(
            gateway=self._gateway, instance=self.instance, revision=self.revision, sender=self._link.sender()
        )
        call = self._link.flows.Watch(request)
        try:
            while True:
                async with asyncio.timeout(self._silence_seconds):
                    heard = await call.read()
                if not isinstance(heard, WatchResponse):  # the end of the stream
                    return
                self._take(heard)
        finally:
            call.cancel()

    def _take(self, heard: WatchResponse) -> None:
        if not self._link.heard:
            self._link.heard = True
            _log.info("the control plane is heard", instance=heard.instance, revision=heard.revision)
        which = heard.WhichOneof("change")
        if which is not None:
            # First, so that an answer to an older question is not kept any more.
            self._controller.changed()
        match which:
            case "key_hash":
                self._kept.forget_key(heard.key_hash)
                self._table.key(heard.key_hash)
            case "budget_id":
                self._table.budget(heard.budget_id)
            case "everything":
                if heard.everything.access:
                    self._kept.forget_all()
                self._table.everything(access=heard.everything.access)
            case "missed":
                self._table.everything(access=False)
        self.instance, self.revision = heard.instance, heard.revision


def _said(error: Exception) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return "nothing was heard for too long"
