"""Hears what must be asked for anew, and has the engine forget it. A connection that is lost is made anew for ever."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import grpc

from headworks.dataplane.wire.control_pb2 import ReportRequest, WatchRequest, WatchResponse
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from headworks.gateway.adapters.control.decisions import RemoteController
    from headworks.gateway.adapters.control.kept import KeptFlows
    from headworks.gateway.adapters.control.link import Link
    from headworks.gateway.ports import Listens

_log = logger(__name__)

SILENCE_SECONDS: Final = 6.0
"""Three beats that did not come."""
_RECALLS: Final = frozenset({"limit_id", "wanted_budget_id"})
"""After which every decision still holds."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class Watcher:
    """Belongs to the loop of the controller."""

    def __init__(
        self,
        gateway: str,
        link: Link,
        table: Listens,
        controller: RemoteController,
        kept: KeptFlows,
        silence_seconds: float = SILENCE_SECONDS,
        drain: Callable[[bool], object] = bool,
    ) -> None:
        """`gateway` is the id of its spool; `drain` is told whether balancers are to be told to go elsewhere."""
        self._gateway = gateway
        self._link = link
        self._table = table
        self._controller = controller
        self._kept = kept
        self._silence_seconds = silence_seconds
        self._drain = drain
        self._reporting: asyncio.Task[None] | None = None
        self.instance = ""
        self.revision = 0
        """The last change that was heard, of the process `instance`."""

    async def run(self) -> None:
        """Until cancelled."""
        try:
            await self._run()
        finally:
            if self._reporting is not None:
                self._reporting.cancel()

    async def _run(self) -> None:
        pause, silent = _FIRST_PAUSE, 0
        while True:
            turned = False
            try:
                turned = await self._listen()
            except (grpc.aio.AioRpcError, TimeoutError) as error:
                if self._link.heard or pause == _FIRST_PAUSE:
                    _log.warning("the control plane is away; going on with what is known", detail=_said(error))
            except Exception:  # noqa: BLE001 - whatever it is, what is heard next must not be missed
                _log.exception("a change was not taken in; asking for everything anew")
                self.instance = ""
            silent = 1 if self._link.heard else silent + 1
            pause = _FIRST_PAUSE if self._link.heard else min(pause * 2, _LONGEST_PAUSE)
            self._link.heard = False
            if (turned or self._link.turn()) and silent < self._link.places:
                # There is one that was not tried since something was heard last.
                continue
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads gateways, hides nothing

    async def _listen(self) -> bool:
        """Until the connection is lost or silent. True where another control plane is in use by now. Raises AioRpcError, TimeoutError."""
        request = WatchRequest(
            gateway=self._gateway, instance=self.instance, revision=self.revision, sender=self._link.sender()
        )
        call = self._link.flows.Watch(request)
        try:
            while True:
                async with asyncio.timeout(self._silence_seconds):
                    heard = await call.read()
                if not isinstance(heard, WatchResponse):  # the end of the stream
                    return False
                self._take(heard)
                if heard.deaf and await self._link.turn_to_a_better():
                    _log.warning("the control plane does not hear of changes; asking another one")
                    return True
        finally:
            call.cancel()

    def _take(self, heard: WatchResponse) -> None:
        if not self._link.heard:
            self._link.heard = True
            # It may know nothing of what this gateway has.
            self._table.share("")
            _log.info("the control plane is heard", instance=heard.instance, revision=heard.revision)
        which = heard.WhichOneof("change")
        if which is None and heard.instance == self.instance and heard.revision != self.revision:
            # A change that this version does not know: a beat's revision is that of the last change that was told.
            which = "missed"
        if heard.HasField("drain"):
            self._drain(heard.drain)
        if which is not None and which not in _RECALLS:
            # First, so that an answer to an older question is not kept any more.
            self._controller.changed()
        if which is not None:
            self._forget(which, heard)
        self.instance, self.revision = heard.instance, heard.revision
        if which is None:
            self._report()

    def _forget(self, which: str, heard: WatchResponse) -> None:
        match which:
            case "key_hash":
                self._kept.forget_key(heard.key_hash)
                self._table.key(heard.key_hash)
            case "budget_id":
                self._table.budget(heard.budget_id)
            case "wanted_budget_id":
                self._table.lease(heard.wanted_budget_id)
            case "limit_id":
                self._table.share(heard.limit_id)
            case "everything":
                if heard.everything.access:
                    self._kept.forget_all()
                self._table.everything(access=heard.everything.access)
            case "missed":
                self._table.missed()

    def _report(self) -> None:
        """After a beat; one at a time."""
        if self._reporting is None or self._reporting.done():
            self._reporting = asyncio.create_task(self._say_how_it_is(), name="report")

    async def _say_how_it_is(self) -> None:
        request = ReportRequest(sender=self._link.sender())
        # An older control plane knows of no reports, and one that is gone is missed by its beats.
        with suppress(grpc.aio.AioRpcError):
            await self._link.flows.Report(request, timeout=self._link.deadline_seconds)


def _said(error: Exception) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return "nothing was heard for too long"
