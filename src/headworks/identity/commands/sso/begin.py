"""Sends somebody to their directory, and remembers what must come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.identity.commands.tries import begun_from
from headworks.identity.contracts import SsoAttempt
from headworks.identity.domain.sessions import hash_token
from headworks.identity.domain.sso.flow import LASTS, challenge_of, new_ticket, with_query
from headworks.identity.domain.sso.return_to import checked_return_to
from headworks.identity.errors import NoSingleSignOn
from headworks.identity.ports import Directory
from headworks.kernel.text import comparable

if TYPE_CHECKING:
    from headworks.identity.commands.sessions import Client
    from headworks.identity.contracts import SsoConnection
    from headworks.identity.domain.sso.flow import Loopback, Ticket
    from headworks.identity.ports import Directories, Metadata, SignInStore, Store
    from headworks.kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class SsoWish:
    """Who wants to sign in where."""

    organization: str
    """Its id or its name."""
    redirect_uri: str
    """Where the directory sends them back to."""
    return_to: str = "/"
    connection: str | None = None
    """Its id or its name; the oldest that is enabled when left out."""
    loopback: Loopback | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """Where to go, and what the browser has to keep."""

    url: str
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class BeginSso:
    """The way out, to the directory."""

    store: Store
    sign_in: SignInStore
    directories: Directories
    clock: Clock

    async def __call__(self, wish: SsoWish, client: Client) -> Sent:
        """Raises Invalid, TooManyTries, NoSingleSignOn, SsoProviderFailed."""
        return_to = checked_return_to(wish.return_to)
        begun = begun_from(client.source)
        await begun.count(self.sign_in, self.clock())
        connection = await self._find(wish)
        metadata = await self.directories.metadata(Directory(connection.issuer, connection.private_network))
        ticket, at = new_ticket(), self.clock()
        waiting = wish.loopback
        attempt = SsoAttempt(
            state_hash=hash_token(ticket.state),
            organization_id=connection.organization_id,
            connection_id=connection.id,
            browser_hash=hash_token(ticket.browser.reveal()),
            redirect_uri=wish.redirect_uri,
            return_to=return_to,
            expires_at=at + LASTS,
            loopback_port=None if waiting is None else waiting.port,
            code_challenge="" if waiting is None else waiting.challenge,
            client_state="" if waiting is None else waiting.state,
        )
        async with self.store.operate() as unit:
            await unit.sign_ons.purge(at)
            await unit.sign_ons.begin(attempt)
        return Sent(_authorization(metadata, connection, wish.redirect_uri, ticket), ticket)

    async def _find(self, wish: SsoWish) -> SsoConnection:
        """One answer for what is not there and what is not open: strangers learn no names here. Raises NoSingleSignOn."""
        # Databases take no NUL, and nobody's name has one.
        if wish.organization.isprintable() and (wish.connection or "x").isprintable():
            async with self.store.overlook() as overview:
                organization = await overview.organizations.get(wish.organization)
                organization = organization or await overview.organizations.named(wish.organization)
            if organization is not None and organization.state == "active":
                async with self.store.read(organization.id) as reading:
                    enabled = await reading.sso_connections.enabled()
                for connection in enabled:
                    if wish.connection is None or _is_called(connection, wish.connection):
                        return connection
        raise NoSingleSignOn("There is no single sign-on by this name here. Ask who sent you the address.")


def _is_called(connection: SsoConnection, name: str) -> bool:
    return connection.id == name or comparable(connection.name) == comparable(name)


def _authorization(metadata: Metadata, connection: SsoConnection, redirect_uri: str, ticket: Ticket) -> str:
    """The authentication request (OpenID Connect Core 1.0, section 3.1.2.1, with PKCE)."""
    return with_query(
        metadata.authorization_endpoint,
        response_type="code",
        client_id=connection.client_id,
        redirect_uri=redirect_uri,
        scope=" ".join(connection.scopes),
        state=ticket.state,
        nonce=ticket.nonce,
        code_challenge=challenge_of(ticket.verifier.reveal()),
        code_challenge_method="S256",
    )
