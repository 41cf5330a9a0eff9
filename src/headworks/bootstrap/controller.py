"""The controller's thread: a loop of its own that answers the engine's questions, and does nothing else.

The engine waits for it with a deadline and never attaches to Python itself, so whatever the rest of the process does
delays an answer by the interpreter's switch interval at most.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from headworks.bootstrap.loop_thread import LoopThread
from headworks.dataplane.flow import Refusal
from headworks.kernel.errors import Unavailable
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

_log = logger(__name__)

_UNAVAILABLE = Refusal(
    503, "controller_failed", "Headworks could not decide on this request. Try again.", "server_error", cache_ms=0
).to_json()
_AT_ONCE = 64
"""Questions taken in one go; those that still wait keep the descriptor readable."""
_STOP_SECONDS = 5.0


class QuestionDesk(Protocol):
    """As much of the engine as the controller needs."""

    def question_fd(self) -> int:
        """Readable while questions wait."""

    def take_questions(self, limit: int) -> list[tuple[int, str]]:
        """Those that wait, without blocking."""

    def answer(self, number: int, flow: str) -> None:
        """Answer one."""


class Answers(Protocol):
    """A controller, in this process or in another."""

    async def answer(self, number: int, question: str) -> tuple[int, str]:
        """The number, and the answer as JSON."""


class ControllerThread:
    """Runs from `start` to `stop`."""

    def __init__(self, desk: QuestionDesk, controller: AbstractAsyncContextManager[Answers]) -> None:
        """`controller` is entered in the thread's loop, and left at the end."""
        self._desk = desk
        self._controller = controller
        self._answering: set[asyncio.Task[None]] = set()
        self._thread = LoopThread("controller", self._serve)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the answers that have been begun, and end."""
        self._thread.stop(_STOP_SECONDS)

    async def probe(self) -> None:
        """Raises Unavailable when it runs no more."""
        if not self._thread.is_running:
            raise Unavailable("The controller has stopped: new keys and models are refused. Start Headworks again.")

    async def _serve(self, stopping: asyncio.Event) -> None:
        async with self._controller as controller:
            loop = asyncio.get_running_loop()
            loop.add_reader(self._desk.question_fd(), self._take, controller)
            try:
                await stopping.wait()
                await asyncio.gather(*self._answering)
            finally:
                loop.remove_reader(self._desk.question_fd())

    def _take(self, controller: Answers) -> None:
        for number, question in self._desk.take_questions(_AT_ONCE):
            task = asyncio.create_task(self._answer(controller, number, question))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def _answer(self, controller: Answers, number: int, question: str) -> None:
        try:
            self._desk.answer(*await controller.answer(number, question))
        except Exception:  # noqa: BLE001 - whoever waits must hear something, whatever it is
            _log.exception("answer not taken")
            self._desk.answer(number, _UNAVAILABLE)
