"""Networks made for a test: namespaces, links between them that can be cut, and ways from a link to what listens on loopback.

A cut drops every packet of both sides and tells neither, as a firewall or a dead switch does: each side knows a wrong hardware address of
the other. It takes root, and `ip` of iproute2; what is made has this process's number in its name, and goes with its block.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final, Self

from tests.support.servers import Missing

_NOBODY: Final = "02:00:00:00:00:99"
_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class End:
    """One side of a link."""

    namespace: str | None
    """None is where the test itself runs."""
    device: str
    address: str


@dataclass(frozen=True, slots=True)
class Link:
    """Two devices that see each other and nobody else."""

    one: End
    other: End

    def cut(self) -> None:
        """From now on nothing arrives on either side."""
        for here, there in ((self.one, self.other), (self.other, self.one)):
            _ip(
                here.namespace,
                "neigh",
                "replace",
                there.address,
                "lladdr",
                _NOBODY,
                "nud",
                "permanent",
                "dev",
                here.device,
            )

    def mend(self) -> None:
        """As before."""
        for here, there in ((self.one, self.other), (self.other, self.one)):
            _ip(here.namespace, "neigh", "del", there.address, "dev", here.device)


class Network:
    """As a context manager: all that was made in it is gone at its end. Raises Missing where it cannot be made."""

    def __init__(self) -> None:
        if os.geteuid() != 0:
            message = "network namespaces take root"
            raise Missing(message)
        if shutil.which("ip") is None:
            message = "there is no `ip`; install iproute2"
            raise Missing(message)
        self._stack = ExitStack()
        self._number = 0
        # A /16 of its own for each process, so that two runs do not meet.
        self._net = f"10.{200 + os.getpid() % 50}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def namespace(self, role: str) -> str:
        """A new one with loopback alone."""
        name = f"hw{os.getpid()}-{role}"
        try:
            _ip(None, "netns", "add", name)
        except RuntimeError as error:
            raise Missing(str(error)) from None
        # Devices in it go with it.
        self._stack.callback(_ip, None, "netns", "del", name)
        _ip(name, "link", "set", "lo", "up")
        return name

    def link(self, one: str | None, other: str) -> Link:
        """Between two namespaces; None is the test's own."""
        self._number += 1
        ends = [
            End(namespace, f"hw{os.getpid() % 100_000}{side}{self._number}", f"{self._net}.{self._number}.{place}")
            for place, (namespace, side) in enumerate(((one, "a"), (other, "b")), 1)
        ]
        _ip(None, "link", "add", ends[0].device, "type", "veth", "peer", "name", ends[1].device)
        for end in ends:
            if end.namespace is not None:
                _ip(None, "link", "set", end.device, "netns", end.namespace)
            _ip(end.namespace, "addr", "add", f"{end.address}/24", "dev", end.device)
            _ip(end.namespace, "link", "set", end.device, "up")
        return Link(ends[0], ends[1])

    def way(self, link: Link, port: int) -> str:
        """`host:port` at our end of a link that leads to a port of our loopback."""
        relay = Relay(link.one.address, port)
        self._stack.callback(relay.close)
        return f"{link.one.address}:{relay.port}"


class Relay:
    """Hands on what comes to a port of an address to the same port of loopback, both ways."""

    def __init__(self, address: str, port: int) -> None:
        self._target = port
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, address, 0), self._loop
        ).result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """With what is open."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError):
                to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._target)
                try:
                    ways = [
                        asyncio.ensure_future(_pump(reader, to_writer)),
                        asyncio.ensure_future(_pump(to_reader, writer)),
                    ]
                    try:
                        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        for way in ways:
                            way.cancel()
                finally:
                    to_writer.close()
        finally:
            writer.close()
            self._tasks.discard(task)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(_BYTES):
            writer.write(piece)
            await writer.drain()


def inside(namespace: str) -> tuple[str, ...]:
    """What a command begins with that is to run there; its process id is the command's own."""
    return ("ip", "netns", "exec", namespace)


def _ip(namespace: str | None, *arguments: str) -> None:
    where = ("-n", namespace) if namespace is not None else ()
    done = subprocess.run(["ip", *where, *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607 - our own
    if done.returncode:
        message = f"ip {' '.join(arguments)}: {done.stderr.strip()}"
        raise RuntimeError(message)
