"""Signing in with a password, and a second factor where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.identity.commands.second_factor import use_code
from headworks.identity.commands.sessions import Granted, Limits, begin_session, choose_organization
from headworks.identity.commands.tries import Tries
from headworks.identity.contracts import StoredPassword
from headworks.identity.domain.emails import check_email, email_key
from headworks.identity.domain.recovery import hash_code
from headworks.identity.errors import SecondFactorRequired, WrongCredentials, WrongSecondFactor
from headworks.kernel.audit import Change
from headworks.kernel.errors import Invalid
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.commands.sessions import Begun, Client
    from headworks.identity.commands.signing import Signer
    from headworks.identity.contracts import Carriage, User
    from headworks.identity.ports import Hasher, SignInStore, SignInUnit
    from headworks.identity.settings import SignInSettings
    from headworks.kernel.clock import Clock
    from headworks.kernel.secrets import Sealer, Secret

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody signs in with."""

    email: str
    password: Secret
    code: str | None = None
    """Of their authenticator app."""
    recovery_code: str | None = None
    organization_id: str | None = None
    """Where they want to act; the oldest of their organisations when left out."""
    carriage: Carriage = "bearer"


@dataclass(frozen=True, slots=True)
class Known:
    """What the store says of an email address, whether anybody has it or not."""

    user: User | None
    password: StoredPassword | None


@dataclass(frozen=True, slots=True)
class SignIn:
    """The way in."""

    store: SignInStore
    hasher: Hasher
    signer: Signer
    sealer: Sealer
    settings: SignInSettings
    clock: Clock

    async def __call__(self, wish: Wish, client: Client) -> Granted:
        """A new session.

        Raises TooManyTries, WrongCredentials, SecondFactorRequired, WrongSecondFactor, NotYourOrganization, SignInBusy.
        """
        wanted = _found_by(wish.email)
        tries = Tries(wanted, client.source)
        await tries.count(self.store, self.clock())
        known = await self._look_up(wanted)
        # Whoever is unknown, disabled or without a password takes the same path and the same work.
        right = await self.hasher.verify(wish.password, known.password.password_hash if known.password else None)
        if not right or known.user is None or known.password is None or known.user.state != "active":
            await self._note_refusal(known.user, "wrong_credentials", client)
            raise _wrong()
        rehashed = await self._rehashed(known.password, wish.password)
        try:
            begun = await self._begin(known.user, known.password, rehashed, wish, client, tries)
        except WrongSecondFactor:
            await self._note_refusal(known.user, "wrong_second_factor", client)
            raise
        except SecondFactorRequired:
            async with self.store.transaction() as unit:
                await tries.give_back(unit, self.clock())
            raise
        token, expires_at = await self.signer.access_token(begun.session, begun.session.created_at)
        return Granted(
            begun.session, known.user, known.password.must_change, token, expires_at, begun.refresh, begun.csrf
        )

    async def _look_up(self, wanted: str) -> Known:
        async with self.store.read() as reading:
            user = await reading.user_by_email(wanted)
            # Asked for whoever it is: the same look-ups for those that exist and those that do not.
            return Known(user, await reading.password(user.id if user is not None else ""))

    async def _begin(
        self,
        user: User,
        password: StoredPassword,
        rehashed: StoredPassword | None,
        wish: Wish,
        client: Client,
        tries: Tries,
    ) -> Begun:
        at = self.clock()
        async with self.store.transaction() as unit:
            await self._check_unchanged(unit, user, password)
            await self._check_factor(unit, user, wish, at)
            organization_id = await choose_organization(unit, user, wish.organization_id)
            await unit.purge(at, at - self.settings.absolute)
            await tries.succeed(unit, at)
            if rehashed is not None:
                await unit.put_password(user.id, rehashed)
            limits = Limits(self.settings, at)
            return await begin_session(unit, user, organization_id, wish.carriage, client, limits)

    async def _check_unchanged(self, unit: SignInUnit, user: User, password: StoredPassword) -> None:
        """Hashing took its time: what it was based on must still hold."""
        if await unit.user(user.id) != user or await unit.password(user.id) != password:
            raise _wrong()

    async def _check_factor(self, unit: SignInUnit, user: User, wish: Wish, at: datetime) -> None:
        """Use up the code. Raises SecondFactorRequired, WrongSecondFactor."""
        factor = await unit.second_factor(user.id)
        if factor is None or factor.confirmed_at is None:
            return
        if wish.recovery_code is not None:
            if not await unit.use_recovery_code(user.id, hash_code(wish.recovery_code), at):
                raise WrongSecondFactor("The recovery code is wrong, or was used before.")
            unit.audit(Change("second_factor.recovery_code_used", "user", user.id, None, None))
            return
        if wish.code is None:
            raise SecondFactorRequired("The password is right. Send the code of your authenticator app as `code` too.")
        await use_code(unit, self.sealer, user.id, factor, wish.code, at)

    async def _note_refusal(self, user: User | None, reason: str, client: Client) -> None:
        """For users that exist and for those that do not, so that both take the same time."""
        user_id = user.id if user is not None else "unknown"
        _log.warning("sign-in refused", user_id=user_id, reason=reason, source=client.source)
        async with self.store.transaction() as unit:
            refusal = {"reason": reason, "source": client.source}
            unit.audit(Change("sign_in.refused", "user", user_id, None, refusal))

    async def _rehashed(self, password: StoredPassword, text: Secret) -> StoredPassword | None:
        """At the cost of today, where it was stored at another."""
        if not self.hasher.is_outdated(password.password_hash):
            return None
        return StoredPassword(await self.hasher.hash(text), password.changed_at, password.must_change)


def _found_by(email: str) -> str:
    """What a user is looked up by; for what is no address, something that nobody is found by."""
    try:
        return email_key(check_email(email))
    except Invalid:
        return ""


def _wrong() -> WrongCredentials:
    return WrongCredentials("The email address or the password is wrong.")
