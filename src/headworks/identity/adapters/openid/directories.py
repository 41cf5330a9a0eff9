"""Asks directories over HTTP, and remembers what they said for a while.

What they publish is asked for once, however many people sign in at the same moment; a failure is remembered for some seconds,
so that a directory that is away is not asked by everybody. A key that nobody knows is looked for anew, but not more often than
every half minute: tokens with invented key ids must not make us ask.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from headworks.identity.adapters.openid.documents import Jwk, fitting, keys_of, metadata_of
from headworks.identity.adapters.openid.redeeming import redeemed, token_call
from headworks.identity.errors import SsoProviderFailed, SsoRefused
from headworks.kernel.clock import monotonic
from headworks.kernel.outbound.fetch import Call, NotFetched, Outbound, checked_place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headworks.identity.ports import Directory, Metadata, Redemption, Tokens
    from headworks.kernel.secrets import Secret

T = TypeVar("T")

REMEMBERED_SECONDS: Final = 3600.0
"""How long a directory's description and keys are believed without asking again."""
REFETCH_SECONDS: Final = 30.0
FAILED_SECONDS: Final = 5.0
_MOST: Final = 1_000
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class _Failure:
    at: float
    why: str


@dataclass(slots=True)
class _Known:
    """What one directory said, and when."""

    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    metadata: Metadata | None = None
    metadata_at: float = 0.0
    keys: list[Jwk] | None = None
    keys_at: float = 0.0
    failure: _Failure | None = None


class HttpDirectories:
    """`ports.Directories`."""

    def __init__(
        self, outbound: Outbound, monotonic: Callable[[], float] = monotonic, *, private_networks: bool = True
    ) -> None:
        """`private_networks`: whether the installation lets any directory be on this machine or a private network."""
        self._outbound = outbound
        self._private_networks = private_networks
        self._monotonic = monotonic
        self._known: OrderedDict[Directory, _Known] = OrderedDict()

    async def metadata(self, directory: Directory) -> Metadata:
        """See `ports.Directories`."""
        known = self._of(directory)
        async with known.asking:
            return await self._metadata(directory, known)

    async def redeem(self, directory: Directory, redemption: Redemption) -> Tokens:
        """See `ports.Directories`."""
        metadata = await self.metadata(directory)
        call = token_call(metadata, redemption)
        try:
            answer = await self._outbound.fetch(call, private_networks=self._may_be_private(directory))
            return redeemed(answer)
        except NotFetched as error:
            raise _failed(directory, error.message) from error

    async def userinfo(self, directory: Directory, access_token: Secret) -> Mapping[str, Any]:
        """See `ports.Directories`."""
        metadata = await self.metadata(directory)
        if metadata.userinfo_endpoint is None:
            return {}
        call = Call(metadata.userinfo_endpoint, headers={"authorization": f"Bearer {access_token.reveal()}"})
        try:
            answer = await self._outbound.fetch(call, private_networks=self._may_be_private(directory))
            if answer.status != _OK:
                raise NotFetched(f"answered {answer.status} for UserInfo")  # noqa: TRY301 - one place tells of it
            return answer.json_object()
        except NotFetched as error:
            raise _failed(directory, error.message) from error

    async def key(self, directory: Directory, key_id: str | None, algorithm: str) -> Mapping[str, Any]:
        """See `ports.Directories`."""
        known = self._of(directory)
        async with known.asking:
            metadata = await self._metadata(directory, known)
            now = self._monotonic()
            if known.keys is None or now - known.keys_at >= REMEMBERED_SECONDS:
                await self._ask_keys(directory, known, metadata)
            found = fitting(known.keys or (), key_id, algorithm)
            if found is None and self._monotonic() - known.keys_at >= REFETCH_SECONDS:
                await self._ask_keys(directory, known, metadata)
                found = fitting(known.keys or (), key_id, algorithm)
        if found is None:
            raise SsoRefused(
                "The directory's answer was not accepted: it is signed with a key that the directory does not publish. "
                "Nothing has changed; try again in a minute.",
                detail="unknown key",
            )
        return found

    def _of(self, directory: Directory) -> _Known:
        known = self._known.setdefault(directory, _Known())
        self._known.move_to_end(directory)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return known

    async def _metadata(self, directory: Directory, known: _Known) -> Metadata:
        now = self._monotonic()
        if known.metadata is None or now - known.metadata_at >= REMEMBERED_SECONDS:
            url = f"{directory.issuer.rstrip('/')}/.well-known/openid-configuration"
            known.metadata = await self._asked(
                directory, known, url, lambda document: self._metadata_of(document, directory)
            )
            known.metadata_at = self._monotonic()
        return known.metadata

    async def _ask_keys(self, directory: Directory, known: _Known, metadata: Metadata) -> None:
        known.keys = await self._asked(directory, known, metadata.jwks_uri, keys_of)
        known.keys_at = self._monotonic()

    async def _asked(self, directory: Directory, known: _Known, url: str, read: Callable[[Mapping[str, Any]], T]) -> T:
        """What a document says. Raises SsoProviderFailed, for some seconds without asking again."""
        failure = known.failure
        if failure is not None and self._monotonic() - failure.at < FAILED_SECONDS:
            raise _failed(directory, failure.why)
        try:
            answer = await self._outbound.fetch(Call(url), private_networks=self._may_be_private(directory))
            if answer.status != _OK:
                raise NotFetched(f"answered {answer.status} for {urlsplit(url).path}")  # noqa: TRY301 - one place tells of it
            found = read(answer.json_object())
        except NotFetched as error:
            known.failure = _Failure(self._monotonic(), error.message)
            raise _failed(directory, error.message) from error
        known.failure = None
        return found

    def _metadata_of(self, document: Mapping[str, Any], directory: Directory) -> Metadata:
        found = metadata_of(document, directory.issuer)
        # Early, and the one that the browser is sent to as well.
        places = found.authorization_endpoint, found.token_endpoint, found.jwks_uri, found.userinfo_endpoint
        for url in filter(None, places):
            checked_place(url, private_networks=self._may_be_private(directory))
        return found

    def _may_be_private(self, directory: Directory) -> bool:
        return self._private_networks and directory.private_network


def _failed(directory: Directory, why: str) -> SsoProviderFailed:
    host = urlsplit(directory.issuer).hostname
    return SsoProviderFailed(f"The directory {host} {why}. Nothing has changed; try again in a moment.", detail=why)
