"""What comes back from the directory: looked at from all sides, before anybody is let in.

The attempt is used up first, whatever comes of it. The directory is asked outside of every transaction; then one transaction
says who they are and what they may do, and another (`letting_in`) begins the session.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.identity.commands.sso.joining import Joining
from headworks.identity.commands.sso.letting_in import over, still_open
from headworks.identity.commands.tries import begun_from, finished_from
from headworks.identity.contracts import SsoHandover
from headworks.identity.domain.sessions import hash_token, random_token
from headworks.identity.domain.sso.claims import completed, lacks_something, person_of
from headworks.identity.domain.sso.flow import HANDOVER_LASTS, Ticket, with_query
from headworks.identity.domain.sso.id_token import Expected, header_of, proved
from headworks.identity.errors import SsoNotAllowed, SsoRefused
from headworks.identity.ports import Directory, Redemption
from headworks.kernel.audit import Change
from headworks.kernel.errors import HeadworksError, Unavailable
from headworks.kernel.origin import acting
from headworks.kernel.principal import Principal
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from headworks.identity.commands.sessions import Client, Granted
    from headworks.identity.commands.sso.letting_in import LettingIn
    from headworks.identity.commands.sso.secrets import ClientSecrets
    from headworks.identity.contracts import SsoAttempt, SsoConnection, User
    from headworks.identity.domain.sso.claims import Person
    from headworks.identity.ports import Directories, SignInStore, Store
    from headworks.kernel.clock import Clock
    from headworks.kernel.secrets import Secret

_log = logger(__name__)
_LONGEST = 4096
_ERROR = re.compile(r"[a-z_]{1,64}", re.ASCII)
"""The codes of RFC 6749 and OpenID Connect; nothing else that a stranger sends is repeated."""


@dataclass(frozen=True, slots=True)
class Returned:
    """What the browser brings back."""

    state: str | None
    code: str | None
    error: str | None
    issuer: str | None
    """RFC 9207."""
    browser: Secret | None
    """Of the cookie that belongs to `state`."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A session for a browser, or where a command line waits."""

    return_to: str
    granted: Granted | None = None


@dataclass(frozen=True, slots=True)
class FinishSso:
    """The way back in."""

    store: Store
    sign_in: SignInStore
    directories: Directories
    secrets: ClientSecrets
    letting_in: LettingIn
    clock: Clock

    async def __call__(self, returned: Returned, client: Client) -> Arrived:
        """Raises TooManyTries, SsoAttemptRefused, SsoRefused, SsoNotAllowed, SsoProviderFailed."""
        tries = finished_from(client.source)
        await tries.count(self.sign_in, self.clock())
        try:
            arrived = await self._finish(returned, client)
        except (SsoNotAllowed, Unavailable):
            # Nobody guessed: the directory is away, or knows them and we do not let them in.
            await self._give_back(client)
            raise
        await self._give_back(client)
        return arrived

    async def _finish(self, returned: Returned, client: Client) -> Arrived:
        attempt, ticket = await self._use_up(returned)
        connection = await self.letting_in.connection(attempt.organization_id, attempt.connection_id)
        try:
            person = await self._ask(connection, attempt, ticket, returned)
            user = await self._join(connection, person)
        except HeadworksError as refusal:
            await self._note_refusal(connection, refusal, client)
            raise
        if attempt.loopback_port is not None:
            return Arrived(await self._hand_over(attempt, user))
        granted = await self.letting_in.begin(user.id, connection, "cookie", client)
        return Arrived(attempt.return_to, granted)

    async def _use_up(self, returned: Returned) -> tuple[SsoAttempt, Ticket]:
        """Once, in the browser that began it, and in time. Raises SsoAttemptRefused."""
        if returned.state is None or returned.browser is None or len(returned.state) > _LONGEST:
            raise over()
        async with self.store.operate() as unit:
            attempt = await unit.sign_ons.finish(hash_token(returned.state))
        if attempt is None or self.clock() >= attempt.expires_at:
            raise over()
        if not hmac.compare_digest(hash_token(returned.browser.reveal()), attempt.browser_hash):
            raise over()
        return attempt, Ticket(returned.state, returned.browser)

    async def _ask(self, connection: SsoConnection, attempt: SsoAttempt, ticket: Ticket, returned: Returned) -> Person:
        """Raises SsoRefused, SsoProviderFailed."""
        directory = Directory(connection.issuer, connection.private_network)
        metadata = await self.directories.metadata(directory)
        if returned.issuer != connection.issuer and (returned.issuer is not None or metadata.names_itself):
            raise SsoRefused("The answer came from another directory than the one that was asked. Nothing has changed.")
        if returned.error is not None or not returned.code or len(returned.code) > _LONGEST:
            said = returned.error if returned.error and _ERROR.fullmatch(returned.error) else "no code"
            raise SsoRefused(f"The directory did not let you in: {said}. Nothing has changed; try again.")
        redemption = Redemption(
            returned.code, attempt.redirect_uri, connection.client_id, self.secrets.open(connection), ticket.verifier
        )
        tokens = await self.directories.redeem(directory, redemption)
        header = header_of(tokens.id_token)
        jwk = await self.directories.key(directory, header.key_id, header.algorithm)
        expected = Expected(connection.issuer, connection.client_id, ticket.nonce)
        claims = proved(tokens.id_token, header, jwk, expected, self.clock())
        if tokens.access_token is not None and metadata.userinfo_endpoint and lacks_something(claims, connection):
            claims = completed(claims, await self.directories.userinfo(directory, tokens.access_token))
        return person_of(claims, connection)

    async def _join(self, asked: SsoConnection, person: Person) -> User:
        """Raises SsoAttemptRefused, and SsoNotAllowed after the commit: a membership that ended with it must stay ended."""
        # The directory decides, so it is the connection that the trail names.
        acting(Principal(asked.id, "system", asked.organization_id, None, frozenset()))
        async with self.store.operate() as unit:
            # Asking took its time: by now it may be disabled, have other rules, or be another directory's.
            connection = still_open(await unit.within(asked.organization_id).sso_connections.get(asked.id))
            if connection.issuer != asked.issuer:
                raise over()
            found = await Joining(unit, connection, person, self.clock())()
        if isinstance(found, SsoNotAllowed):
            raise found
        return found

    async def _hand_over(self, attempt: SsoAttempt, user: User) -> str:
        """Where the command line waits, with a code that only it can use."""
        code, at = random_token(), self.clock()
        handover = SsoHandover(
            hash_token(code.reveal()),
            attempt.organization_id,
            attempt.connection_id,
            user.id,
            attempt.code_challenge,
            at + HANDOVER_LASTS,
        )
        async with self.store.operate() as unit:
            await unit.sign_ons.hand_over(handover)
        place = f"http://127.0.0.1:{attempt.loopback_port}/"
        return with_query(place, code=code.reveal(), state=attempt.client_state)

    async def _give_back(self, client: Client) -> None:
        async with self.sign_in.transaction() as unit:
            for tries in (finished_from(client.source), begun_from(client.source)):
                await tries.give_back(unit, self.clock())

    async def _note_refusal(self, connection: SsoConnection, refusal: HeadworksError, client: Client) -> None:
        _log.warning(
            "single sign-on refused",
            connection_id=connection.id,
            reason=refusal.code,
            detail=refusal.detail,
            source=client.source,
        )
        view = {"organization_id": connection.organization_id, "reason": refusal.code, "source": client.source}
        async with self.store.operate() as unit:
            unit.audit(Change("sso_connection.sign_in_refused", "sso_connection", connection.id, None, view))
