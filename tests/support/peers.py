"""A peer of the test's own on a free port of loopback, whose connections are closed when the test is done with it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@asynccontextmanager
async def listening(
    peer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """Its port. What `peer` left open or still waits for at the end of the block ends with it.

    Before Python 3.12 `Server.wait_closed` waits for no connection, and what a loop leaves open when it ends is a warning in
    whichever test runs when it is found.
    """
    talking: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talking.add(task)
        try:
            await peer(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)
        # A transport lets go of its socket in the loop's next round.
        await asyncio.sleep(0)
