"""The last step of a sign-in by a directory, for browsers and for command lines: all that was true before is looked at again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.identity.commands.sessions import Granted, Limits, begin_session, choose_organization
from headworks.identity.commands.tries import finished_from
from headworks.identity.domain.sessions import hash_token
from headworks.identity.domain.sso.flow import proves
from headworks.identity.errors import NotYourOrganization, SsoAttemptRefused, SsoNotAllowed

if TYPE_CHECKING:
    from headworks.identity.commands.sessions import Client
    from headworks.identity.commands.signing import Signer
    from headworks.identity.contracts import Carriage, SsoConnection
    from headworks.identity.ports import SignInStore, Store
    from headworks.identity.settings import SignInSettings
    from headworks.kernel.clock import Clock
    from headworks.kernel.secrets import Secret


@dataclass(frozen=True, slots=True)
class LettingIn:
    """Begins sessions."""

    store: Store
    sign_in: SignInStore
    signer: Signer
    settings: SignInSettings
    clock: Clock

    async def exchange(self, code: Secret, verifier: Secret, client: Client) -> Granted:
        """The session of a command line that waited. Raises TooManyTries, SsoAttemptRefused, SsoNotAllowed."""
        tries = finished_from(client.source)
        await tries.count(self.sign_in, self.clock())
        async with self.store.operate() as unit:
            handover = await unit.sign_ons.take_over(hash_token(code.reveal()))
        if handover is None or self.clock() >= handover.expires_at:
            raise over()
        if not proves(verifier.reveal(), handover.code_challenge):
            raise over()
        connection = await self.connection(handover.organization_id, handover.connection_id)
        granted = await self.begin(handover.user_id, connection, "bearer", client)
        async with self.sign_in.transaction() as unit:
            await tries.give_back(unit, self.clock())
        return granted

    async def connection(self, organization_id: str, connection_id: str) -> SsoConnection:
        """As it is now: it may have been disabled meanwhile. Raises SsoAttemptRefused."""
        async with self.store.read(organization_id) as reading:
            organization = await reading.organization()
            found = await reading.sso_connections.get(connection_id)
        return still_open(found if organization is not None and organization.state == "active" else None)

    async def begin(self, user_id: str, connection: SsoConnection, carriage: Carriage, client: Client) -> Granted:
        """A session that opens nothing outside of the connection's organisation. Raises SsoNotAllowed."""
        at = self.clock()
        async with self.sign_in.transaction() as unit:
            user = await unit.user(user_id)
            if user is None or user.state != "active" or user.is_operator:
                raise SsoNotAllowed("This account does not sign in this way. Ask an admin.")
            try:
                organization_id = await choose_organization(unit, user, connection.organization_id)
            except NotYourOrganization:
                raise SsoNotAllowed("You do not belong to this organisation any more. Ask one of its admins.") from None
            await unit.purge(at, at - self.settings.absolute)
            limits = Limits(self.settings, at)
            begun = await begin_session(
                unit, user, organization_id, carriage, client, limits, connection_id=connection.id
            )
        token, expires_at = await self.signer.access_token(begun.session, at)
        return Granted(
            session=begun.session,
            user=user,
            must_change_password=False,
            access_token=token,
            access_expires_at=expires_at,
            refresh_token=begun.refresh,
            csrf_token=begun.csrf,
        )


def still_open(connection: SsoConnection | None) -> SsoConnection:
    """The connection, where it is there and enabled. Raises SsoAttemptRefused."""
    if connection is None or not connection.enabled:
        raise SsoAttemptRefused("Nobody signs in this way any more. Ask an admin of your organisation.")
    return connection


def over() -> SsoAttemptRefused:
    """One answer for all of it: who did not begin it here learns nothing."""
    return SsoAttemptRefused(
        "This sign-in was not begun in this browser, took longer than ten minutes, or was finished already. Begin again."
    )
