from __future__ import annotations

import asyncio
import io
import json

from headworks.audit.contracts import Anchor
from headworks.audit.facade import AuditFacade
from headworks.audit.ports import Trails
from headworks.bootstrap.anchors import Anchors
from headworks.kernel.errors import Unavailable
from headworks.kernel.trail import Head


class Reader:
    """A trail whose end a test sets."""

    name = "identity"

    def __init__(self) -> None:
        self.end: Head | None = None
        self.fails = False
        self.asked = asyncio.Event()

    async def head(self) -> Head | None:
        self.asked.set()
        if self.fails:
            raise Unavailable("The database is away.", detail="gone")
        return self.end


def noted(log: io.StringIO) -> list[str]:
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line["anchor"] for line in lines if line["event"] == "audit trail"]


def anchors_of(reader: Reader) -> Anchors:
    return Anchors(AuditFacade(Trails((reader,))), seconds=3_600)  # type: ignore[arg-type]


async def test_an_end_that_moved_is_noted_once(log: io.StringIO) -> None:
    reader = Reader()
    anchors = anchors_of(reader)
    await anchors.note()
    assert noted(log) == []
    for sequence in (1, 1, 2):
        reader.end = Head(sequence, f"{sequence:064x}")
        await anchors.note()
    assert noted(log) == [str(Anchor("identity", number, f"{number:064x}")) for number in (1, 2)]


async def test_a_database_that_is_away_is_asked_again(log: io.StringIO) -> None:
    reader = Reader()
    anchors = anchors_of(reader)
    reader.fails = True
    await anchors.note()
    assert "audit trail not noted" in log.getvalue()
    reader.fails, reader.end = False, Head(1, "a" * 64)
    await anchors.note()
    assert noted(log) == [f"identity:1:{'a' * 64}"]


async def test_it_notes_at_once_and_goes_on(log: io.StringIO) -> None:
    reader = Reader()
    reader.end = Head(1, "a" * 64)
    running = asyncio.create_task(anchors_of(reader).run())
    await reader.asked.wait()
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()
    assert len(noted(log)) == 1
