"""What single sign-on asks of a directory that speaks OpenID Connect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headworks.kernel.secrets import Secret


@dataclass(frozen=True, slots=True)
class Directory:
    """Which directory, and whether it may be on this machine or a private network."""

    issuer: str
    private_network: bool


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a directory says of itself (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    secret_in_header: bool
    """Whether it takes the client secret as HTTP Basic; else in the body."""
    names_itself: bool
    """Whether its answers bear `iss` (RFC 9207)."""


@dataclass(frozen=True, slots=True)
class Redemption:
    """A code, and what proves that it is ours."""

    code: str
    redirect_uri: str
    client_id: str
    client_secret: Secret
    verifier: Secret


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a code was redeemed for."""

    id_token: str
    access_token: Secret | None
    """Opens UserInfo, and is kept no longer than that."""


class Directories(Protocol):
    """Asks directories. What they said is remembered for a while."""

    async def metadata(self, directory: Directory) -> Metadata:
        """Raises SsoProviderFailed."""

    async def redeem(self, directory: Directory, redemption: Redemption) -> Tokens:
        """The tokens for a code. Raises SsoProviderFailed, SsoRefused."""

    async def userinfo(self, directory: Directory, access_token: Secret) -> Mapping[str, Any]:
        """What else the directory says of whom the token is for; nothing where it has no such endpoint.

        Raises SsoProviderFailed.
        """

    async def key(self, directory: Directory, key_id: str | None, algorithm: str) -> Mapping[str, Any]:
        """The public JWK that a token of theirs is signed with. Raises SsoProviderFailed, SsoRefused."""
