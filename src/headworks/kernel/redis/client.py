"""The client: redis-py, which Redis itself keeps. It never waits for long, and tries nothing twice by itself: who asks knows better."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from redis.asyncio import BlockingConnectionPool, Redis, SSLConnection
from redis.asyncio.connection import Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Collection

    from headworks.kernel.redis.address import Address

FAILURES: Final = (RedisError, OSError, TimeoutError)
"""What it raises when Redis does not answer, or not as it should."""
_CONNECTIONS: Final = 16
_CANCEL_AGAIN_SECONDS: Final = 0.1


def connect(address: Address, *, seconds: float, purpose: str) -> Redis:
    """Within the loop that uses it; connects when it must. No command, and no connecting, takes longer than `seconds`.

    `purpose` is what operators see in `CLIENT LIST`.
    """
    chosen: dict[str, Any] = {}
    if address.tls:
        chosen = {"ssl_ca_certs": address.tls_root, "ssl_cert_reqs": "required", "ssl_check_hostname": True}
    pool = BlockingConnectionPool(
        max_connections=_CONNECTIONS,
        timeout=seconds,
        connection_class=SSLConnection if address.tls else Connection,
        host=address.host,
        port=address.port,
        db=address.database,
        username=address.user,
        password=None if address.password is None else address.password.reveal(),
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        client_name=f"headworks-{purpose}",
        decode_responses=True,
        **chosen,
    )
    return Redis.from_pool(pool)


async def ended(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel them until they end: redis-py 7.4 goes on when it is cancelled while it connects."""
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=_CANCEL_AGAIN_SECONDS)
