"""Single sign-on as it is kept: connections to directories, and sign-ins on their way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.contracts.people import Role


@dataclass(frozen=True, slots=True)
class GroupRole:
    """What the members of one of the directory's groups are here."""

    group: str
    role: Role


@dataclass(frozen=True, slots=True)
class SsoConnection:
    """How an organisation's people sign in by its directory (OpenID Connect)."""

    id: str
    organization_id: str
    name: str
    issuer: str
    """As the directory itself writes it: it is compared character by character."""
    client_id: str
    scopes: tuple[str, ...]
    group_claim: str
    """Where the ID token lists somebody's groups."""
    group_roles: tuple[GroupRole, ...]
    """The first that fits decides; without any, the directory has no say in roles."""
    default_role: Role | None
    """Of who is in none of those groups; None keeps them out."""
    joins: bool
    """Whether people become members by themselves."""
    allowed_domains: tuple[str, ...]
    """Of email addresses; no others come in by this connection."""
    created_at: datetime
    created_by: str
    sealed_secret: str | None = None
    secret_reference: str | None = None
    """`env:` or `file:`, in place of a secret of our own keeping."""
    enabled: bool = True
    private_network: bool = False
    """Whether an operator let it be on this machine or a private network."""
    version: int = 1


@dataclass(frozen=True, slots=True)
class SsoAttempt:
    """Somebody who was sent to their directory and has not come back yet."""

    state_hash: str
    organization_id: str
    connection_id: str
    browser_hash: str
    """Of the secret in the browser's cookie: nobody else can finish it."""
    redirect_uri: str
    return_to: str
    expires_at: datetime
    loopback_port: int | None = None
    """Where a command line listens that began it; None for a browser."""
    code_challenge: str = ""
    """Of the command line, as in RFC 7636."""
    client_state: str = ""


@dataclass(frozen=True, slots=True)
class SsoHandover:
    """Somebody who signed in, for the command line that waits for them."""

    code_hash: str
    organization_id: str
    connection_id: str
    user_id: str
    code_challenge: str
    expires_at: datetime
