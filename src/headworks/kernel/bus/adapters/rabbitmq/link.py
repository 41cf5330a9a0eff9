"""A connection to one virtual host, made when it is needed, made anew when it is lost.

aiormq's own connection, not `connect_robust` of aio-pika: what is to be restored is small, and is the same each time. The reasons:
docs/decisions/0018.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import aiormq
from aiormq.connection import TCPTransportFactory, TLSTransportFactory, TransportFactory
from aiormq.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelAccessRefused,
    ChannelInvalidStateError,
    ChannelPreconditionFailed,
    ConnectionNotAllowed,
    InvalidFrameError,
    ProbableAuthenticationError,
)
from pamqp.exceptions import PAMQPException
from yarl import URL

from headworks.kernel.bus.errors import BusRefused, BusUnavailable
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from aiormq.abc import AbstractChannel
    from aiormq.channel import Channel

    from headworks.kernel.bus.adapters.rabbitmq.address import Address, Side

T = TypeVar("T")

_log = logger(__name__)

_HEARTBEAT: Final = 10
"""Seconds. A peer that says nothing for three of them is gone."""
_CLOSED_FOR_OPENED: Final = "['Connection.OpenOk'], got <Connection.Close "
_LAST_WORDS: Final = 0.5
"""Seconds."""
_FAREWELL: Final = 3.0
"""Seconds for the broker to answer our good-bye."""
logging.getLogger("aiormq").setLevel(logging.CRITICAL)
# What it complains of is raised as well, and told in our own log once.
LOST: Final = (AMQPError, PAMQPException, ChannelInvalidStateError, ConnectionError, OSError, EOFError, RuntimeError)
"""What aiormq raises when a connection or a channel is gone; it says `RuntimeError` where it finds itself closed."""


class LinkLost(Exception):
    """The connection or the channel is gone."""


@contextmanager
def speaking() -> Iterator[None]:
    """Turns whatever shows that the connection is gone into LinkLost. Raises BusRefused for what a new one would not mend."""
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        yield
    except ChannelPreconditionFailed as error:
        raise BusRefused(
            "RabbitMQ has a queue or exchange of ours with other settings. Delete it once it is empty, and it is made anew.",
            detail=str(error),
        ) from error
    except ChannelAccessRefused as error:
        raise BusRefused(
            "RabbitMQ does not let our user configure, write and read in its virtual host.", detail=str(error)
        ) from error
    except LOST as error:
        raise LinkLost(f"{type(error).__name__}: {error}") from error
    except asyncio.CancelledError as error:
        # aiormq cancels its own tasks when it closes, and we may have been waiting for one of them.
        if task is not None and task.cancelling() > before:
            raise
        raise LinkLost("the connection was closed") from error


async def answer(channel: AbstractChannel, asked: Awaitable[T]) -> T:
    """What the broker says, or LinkLost when the channel is closed first.

    aiormq 7.2.4 leaves some of those who wait without a word then: whoever got as far as its write queue while it closed.
    """
    waiting = asyncio.ensure_future(asked)
    try:
        await asyncio.wait({waiting, channel.closing}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            # It may be about to say why.
            await asyncio.wait({waiting}, timeout=_LAST_WORDS)
        if not waiting.done():
            raise LinkLost("the channel was closed")
        with speaking():
            return await waiting
    finally:
        waiting.cancel()


class _Transport(TransportFactory):
    """Keeps what is needed to hang up without the peer's consent."""

    def __init__(self, *, secure: bool) -> None:
        self._factory = TLSTransportFactory() if secure else TCPTransportFactory()
        self._writer: asyncio.StreamWriter | None = None

    async def create(self, url: URL, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:  # noqa: ANN401 - as declared there
        reader, writer = await self._factory.create(url, **kwargs)
        self._writer = writer
        return reader, writer

    def abort(self) -> None:
        """What was written and not sent is dropped, so that it takes no memory."""
        if self._writer is not None:
            self._writer.transport.abort()


class Link:
    """One connection. Not for several tasks at once while it connects: it lets one through at a time."""

    def __init__(
        self,
        address: Address,
        side: Side,
        declare: Callable[[AbstractChannel], Awaitable[None]],
        *,
        connect_seconds: float,
        purpose: str,
    ) -> None:
        """`declare` is called on each new connection; `purpose` is what operators see beside it."""
        self._address = address
        self._side = side
        self._declare = declare
        self._connect_seconds = connect_seconds
        self._purpose = purpose
        self._turn = asyncio.Lock()
        self._connection: aiormq.Connection | None = None
        self._transport: _Transport | None = None

    async def channel(self, *, confirms: bool = False) -> Channel:
        """A new channel. Raises BusUnavailable, BusRefused."""
        try:
            async with asyncio.timeout(self._connect_seconds):
                async with self._turn:
                    connection = await self._connected()
                with speaking():
                    return cast("Channel", await connection.channel(publisher_confirms=confirms))
        except (LinkLost, TimeoutError) as error:
            await self.drop()
            raise self._unavailable(str(error) or "it did not answer in time") from error

    async def drop(self) -> None:
        """Hang up at once: unsent bytes are forgotten, and what others wait for on it fails."""
        connection, transport = self._connection, self._transport
        self._connection = self._transport = None
        if transport is not None:
            transport.abort()
        if connection is not None:
            await _close(connection)

    async def close(self) -> None:
        """Say good-bye, if there is anybody to say it to."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await _close(connection)
        await self.drop()

    async def _connected(self) -> aiormq.Connection:
        if self._connection is not None and self._connection.is_opened:
            return self._connection
        await self.drop()
        address = self._address
        host = address.virtual_host(self._side)
        self._transport = _Transport(secure=address.tls != "disable")
        url = URL.build(
            scheme="amqp" if address.tls == "disable" else "amqps",
            host=address.host,
            port=address.port,
            user=address.user.reveal(),
            password=address.password.reveal(),
            path=f"/{host}",
            query={"heartbeat": str(_HEARTBEAT), "name": f"headworks {self._purpose}"},
        )
        connection = aiormq.Connection(url, context=address.tls_context(), transport_factory=self._transport)
        try:
            with speaking():
                await connection.connect()
                self._connection = connection
                channel = await connection.channel(publisher_confirms=False)
                await self._declare(channel)
                await channel.close()
        except LinkLost as error:
            raise self._explained(error, host) from error
        _log.info("connected", broker=str(address), virtual_host=host, purpose=self._purpose)
        return connection

    def _explained(self, error: LinkLost, host: str) -> Exception:
        cause = error.__cause__
        if isinstance(cause, (ProbableAuthenticationError, AuthenticationError)):
            return BusRefused(
                "RabbitMQ refuses the user name or the password.", detail=f"{self._address}: {type(cause).__name__}"
            )
        # aiormq 7.2.4 does not say why the broker closed where it should have opened; for a virtual host there are three reasons.
        closed = isinstance(cause, InvalidFrameError) and _CLOSED_FOR_OPENED in str(cause)
        if closed or isinstance(cause, ConnectionNotAllowed):
            return BusRefused(
                f"RabbitMQ has no virtual host {host}, does not let our user in, or cannot start it. "
                f"Make it (rabbitmqctl add_vhost {host}), and give the user permissions there.",
                detail=str(self._address),
            )
        return error

    def _unavailable(self, detail: str) -> BusUnavailable:
        return BusUnavailable("The message broker cannot be reached; try again.", detail=f"{self._address}: {detail}")


async def _close(connection: aiormq.Connection) -> None:
    closing = asyncio.ensure_future(connection.close())
    # Whatever becomes of it is of no interest any more; asking keeps asyncio from complaining.
    closing.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.wait([closing], timeout=_FAREWELL)
