"""Signing in, put together: what its routes ask for, what makes it forget, and the first operator's password.

Loaded behind the open door with the rest of the management API: it needs cryptography that no model call waits for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.bootstrap.credentials import FirstOperator
from headworks.identity.adapters.sign_in.bcrypt import Bcrypt
from headworks.identity.adapters.sign_in.sql import SqlSignIn
from headworks.identity.adapters.tables import TRAIL
from headworks.identity.commands.passwords import Passwords
from headworks.identity.commands.refresh import Refresh
from headworks.identity.commands.resets import Resets
from headworks.identity.commands.second_factor import SecondFactors
from headworks.identity.commands.sign_in import SignIn
from headworks.identity.commands.signing import Signer
from headworks.identity.contracts import (
    MembershipChanged,
    OrganizationChanged,
    PasswordSet,
    SessionEnded,
    UserChanged,
)
from headworks.identity.domain.passwords import one_time_password
from headworks.identity.ports import SignInStore
from headworks.identity.queries.access import Authentication, Sessions
from headworks.identity.queries.strangers import KnownKeys
from headworks.identity.queries.tokens import PublicKeys, Tokens
from headworks.identity.settings import SignInSettings
from headworks.kernel.clock import now
from headworks.kernel.events import MayHaveMissed
from headworks.kernel.web import Authenticator

if TYPE_CHECKING:
    from headworks.bootstrap.container import Container
    from headworks.bootstrap.credentials import Credentials
    from headworks.kernel.events import EventBus


@dataclass(frozen=True, slots=True)
class SignInParts:
    """What the routes of sign-in ask for."""

    store: SqlSignIn
    signer: Signer
    sign_in: SignIn
    refresh: Refresh
    passwords: Passwords
    second_factors: SecondFactors
    resets: Resets
    public_keys: PublicKeys
    authentication: Authentication
    settings: SignInSettings

    def provisions(self) -> dict[type, object]:
        """By the port, or the use case, that the routes name."""
        return {
            Authenticator: self.authentication,
            SignInStore: self.store,
            SignIn: self.sign_in,
            Refresh: self.refresh,
            Passwords: self.passwords,
            SecondFactors: self.second_factors,
            Resets: self.resets,
            PublicKeys: self.public_keys,
            SignInSettings: self.settings,
        }


def build_sign_in(container: Container) -> SignInParts:
    """Subscribes to what changes who may do what."""
    foundation = container.foundation
    settings, sealer, bus = foundation.sign_in_settings, foundation.keyring.sealer, foundation.bus
    store = SqlSignIn(container.databases["identity"], bus, foundation.trail_keys(TRAIL))
    hasher = Bcrypt(foundation.password_cost)
    signer = Signer(store, sealer, settings)
    sessions = Sessions(store, settings.idle)
    bus.subscribe(SessionEnded, lambda event: sessions.forget_session(event.session_id))
    bus.subscribe(PasswordSet, lambda event: sessions.forget_user(event.user_id))
    bus.subscribe(UserChanged, lambda event: sessions.forget_user(event.user_id))
    bus.subscribe(MembershipChanged, lambda event: sessions.forget_user(event.user_id))
    bus.subscribe(OrganizationChanged, lambda _event: sessions.forget_all())
    bus.subscribe(MayHaveMissed, lambda _event: sessions.forget_all())
    public_keys = PublicKeys(store, foundation.strangers)
    of_keys = KnownKeys(container.identity.authenticate, foundation.strangers)
    return SignInParts(
        store=store,
        signer=signer,
        sign_in=SignIn(store, hasher, signer, sealer, settings, now),
        refresh=Refresh(store, signer, sealer, settings, now),
        passwords=Passwords(store, hasher, now),
        second_factors=SecondFactors(store, hasher, sealer, now),
        resets=Resets(store, hasher, now),
        public_keys=public_keys,
        authentication=Authentication(
            of_keys,
            container.identity.authenticate_signer,
            Tokens(public_keys, settings.issuer),
            sessions,
            now,
        ),
        settings=settings,
    )


async def first_operator(
    parts: SignInParts, bus: EventBus, credentials: Credentials, *, replaces: bool = True
) -> FirstOperator | None:
    """The operator that the first start made, with a one-time password; None once they have one of their own.

    Without `replaces` a password that another process keeps is left alone.

    It is kept in the credentials file before it is valid, so that no kill leaves a password that nobody has, and goes from
    there when it is changed.
    """
    async with parts.store.read() as reading:
        user = await reading.first_operator()
        stored = await reading.password(user.id) if user is not None else None
    if user is None or (stored is not None and not stored.must_change):
        credentials.forget_operator()
        return None
    kept = credentials.operator_password
    if stored is not None and kept is None and not replaces:
        return None
    # A one-time password that was lost with the file is replaced: nobody could sign in with it.
    is_new = stored is None or kept is None
    password = one_time_password() if kept is None or is_new else kept
    if is_new:
        credentials.keep_operator(user.email, password)
        await parts.passwords.set_one_time(user, password)
    user_id = user.id

    def changed(event: PasswordSet) -> None:
        if event.user_id == user_id:
            credentials.forget_operator()

    bus.subscribe(PasswordSet, changed)
    return FirstOperator(user.id, user.email, password, is_new)
