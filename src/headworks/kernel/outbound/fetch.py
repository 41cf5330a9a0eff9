"""One request to an address that somebody wrote down, or that its server named: with a deadline, a limit, and no way elsewhere.

The name is resolved once, every address is judged, and the connection goes to the very address that was judged: a name that
changes its mind between two look-ups gains nothing. The certificate is still checked against the name. Redirects are not
followed, and no proxy of the environment is used.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import ssl
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import httpx

from headworks.kernel.outbound.networks import kind_of
from headworks.kernel.outbound.urls import is_loopback_host

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from headworks.kernel.outbound.networks import Address

    Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]

_PORTS: Final = {"http": 80, "https": 443}
_MOST_ADDRESSES: Final = 4
_REDIRECTS: Final = range(300, 400)


class NotFetched(Exception):
    """There is no answer. `message` tells people why: it goes on from "the server …", and holds nothing that it sent."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    body: bytes

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object. Raises NotFetched."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise NotFetched("answered something that is not JSON") from error
        if not isinstance(document, dict):
            raise NotFetched("answered JSON that is no object")
        return document


@dataclass(frozen=True, slots=True)
class Call:
    """What to send where."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] | None = None
    content: bytes | None = None
    most_bytes: int = 256 * 1024
    """Of the answer's body."""


async def resolved(host: str, port: int) -> Sequence[Address]:
    """Every address of a name, by the system's resolver. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(str(place[0]).partition("%")[0]) for *_, place in found))


class Outbound:
    """Makes the calls. `resolve` is given by tests."""

    def __init__(self, resolve: Resolve = resolved, seconds: float = 10.0) -> None:
        """`seconds` is how long one call may take, from its name look-up to the last byte."""
        self._resolve = resolve
        self._seconds = seconds

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """The system's certificates, or those of SSL_CERT_FILE, for a company with an authority of its own."""
        return ssl.create_default_context()

    async def fetch(self, call: Call, *, private_networks: bool) -> Answer:
        """`private_networks`: whether a loopback or private address may be called. Raises NotFetched."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._fetch(call, private_networks=private_networks)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise NotFetched(f"did not answer within {self._seconds:g} s") from error

    async def _fetch(self, call: Call, *, private_networks: bool) -> Answer:
        url = checked_place(call.url, private_networks=private_networks)
        addresses = await self._addresses(url, private_networks=private_networks)
        verify = self._tls if url.scheme == "https" else False
        timeout = httpx.Timeout(self._seconds)
        async with httpx.AsyncClient(verify=verify, timeout=timeout, trust_env=False, follow_redirects=False) as client:
            for number, address in enumerate(addresses, 1):
                try:
                    return await _sent(client, call, url, address)
                except httpx.ConnectError as error:
                    if number == len(addresses):
                        raise NotFetched(f"cannot be reached ({_reason(error)})") from error
                except httpx.TransportError as error:
                    raise NotFetched(f"broke off its answer ({type(error).__name__})") from error
        raise NotFetched("has no address")

    async def _addresses(self, url: httpx.URL, *, private_networks: bool) -> list[Address]:
        """Those that may be called. Raises NotFetched where there is none."""
        port = url.port or _PORTS[url.scheme]
        try:
            found = await self._resolve(url.host, port)
        except (OSError, UnicodeError) as error:
            raise NotFetched("has a name that cannot be looked up") from error
        allowed = [one for one in found if _may_be_called(one, url.scheme, private_networks=private_networks)]
        if not allowed:
            raise NotFetched("has an address that may not be called: it is private, link-local or reserved")
        return allowed[:_MOST_ADDRESSES]


def checked_place(text: str, *, private_networks: bool) -> httpx.URL:
    """Where a call would go, by its URL alone. Raises NotFetched."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise NotFetched("named an address that is no URL") from error
    if not url.host or url.userinfo or url.fragment:
        raise NotFetched("named an address that is no plain URL")
    # Without TLS only within this machine: whoever is on the way could be the directory.
    if url.scheme == "https" or (url.scheme == "http" and private_networks and is_loopback_host(url.host)):
        return url
    raise NotFetched("named an address that does not begin with https://")


def _may_be_called(address: Address, scheme: str, *, private_networks: bool) -> bool:
    kind = kind_of(address)
    if scheme == "http" and not address.is_loopback:
        return False
    return kind == "public" or (kind == "private" and private_networks)


async def _sent(client: httpx.AsyncClient, call: Call, url: httpx.URL, address: Address) -> Answer:
    place = url.copy_with(host=str(address))
    headers = {
        "accept": "application/json",
        "user-agent": "headworks",
        **(call.headers or {}),
        "host": url.netloc.decode("ascii"),
        "accept-encoding": "identity",
    }
    # The name that the certificate must bear.
    name = {"sni_hostname": url.host} if url.scheme == "https" else {}
    async with client.stream(call.method, place, headers=headers, content=call.content, extensions=name) as answer:
        if answer.status_code in _REDIRECTS:
            raise NotFetched("answered with a redirect, and those are not followed")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise NotFetched("answered in a compressed form that was not asked for")
        body = bytearray()
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > call.most_bytes:
                raise NotFetched(f"answered with more than {call.most_bytes} bytes")
        return Answer(answer.status_code, bytes(body))


def _reason(error: BaseException) -> str:
    """Of the first error of the chain, in a few words and without its text."""
    cause: BaseException = error
    while (earlier := cause.__cause__ or cause.__context__) is not None:
        cause = earlier
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "its certificate is not valid for its name here"
    return type(cause).__name__
