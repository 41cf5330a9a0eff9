"""The client: obstore, which is Apache Arrow's `object_store` for Python. It sends what is long in parts, and tries again what it may."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError
from obstore.store import S3Store

from headworks.kernel.objects.port import ObjectsUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from obstore.store import ClientConfig, RetryConfig

    from headworks.kernel.objects.address import Address

_CONNECT: Final = timedelta(seconds=5)
_REQUEST: Final = timedelta(seconds=60)
"""For one part, of 5 MiB."""
_RETRY: Final[RetryConfig] = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
_PROBE_SECONDS: Final = 5.0
_NOWHERE: Final = "nothing-lies-here"
_FAILURES: Final = (BaseError, FileNotFoundError, TimeoutError)
"""The second is what it raises for a bucket that is not there."""


class S3Objects:
    """The port `Objects`. Connects when it must."""

    def __init__(self, address: Address) -> None:
        """Raises ValueError for authorities that are no PEM."""
        self._address = address
        options: ClientConfig = {"connect_timeout": _CONNECT, "timeout": _REQUEST}
        if address.endpoint.startswith("http://"):
            options["allow_http"] = True
        if address.tls_root is not None:
            options["root_certificate"] = Path(address.tls_root).read_bytes()
        self._store = S3Store(
            address.bucket,
            prefix=address.prefix or None,
            endpoint=address.endpoint,
            region=address.region,
            access_key_id=address.key.reveal(),
            secret_access_key=address.secret.reveal(),
            virtual_hosted_style_request=False,
            client_options=options,
            retry_config=_RETRY,
        )

    async def put(self, name: str, pieces: AsyncIterator[bytes]) -> None:
        """See the port."""
        try:
            await obstore.put_async(self._store, name, pieces, use_multipart=True)
        except _FAILURES as error:
            raise self._unavailable(error) from error

    async def link(self, name: str, seconds: int) -> str:
        """See the port."""
        try:
            return await obstore.sign_async(self._store, "GET", name, timedelta(seconds=seconds))
        except _FAILURES as error:
            raise self._unavailable(error) from error

    async def probe(self) -> None:
        """See the port."""
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await obstore.list_with_delimiter_async(self._store, _NOWHERE)
        except _FAILURES as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> ObjectsUnavailable:
        # Not what the library says, which repeats the request, the key's id in it, and what was signed.
        return ObjectsUnavailable(
            "The object store cannot be used at the moment; try again shortly.",
            detail=f"{self._address}: {_why(error)}",
        )


def _why(error: Exception) -> str:
    said = str(error)
    if isinstance(error, PermissionDeniedError) or " 403 " in said:
        return "it refuses the key, or what was signed by it"
    if "NoSuchBucket" in said or isinstance(error, FileNotFoundError):
        return "there is no such bucket"
    return "it does not answer, or not as it should"
