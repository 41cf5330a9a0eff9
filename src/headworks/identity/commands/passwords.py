"""Passwords: confirming the one that somebody has, changing it, and making one for somebody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.identity.commands.sessions import revoke_others
from headworks.identity.commands.tries import Tries
from headworks.identity.contracts import PasswordSet, StoredPassword
from headworks.identity.domain.passwords import checked_password, normal
from headworks.identity.errors import WrongCredentials
from headworks.kernel.audit import Change
from headworks.kernel.errors import Invalid

if TYPE_CHECKING:
    from headworks.identity.commands.sessions import Client
    from headworks.identity.contracts import User
    from headworks.identity.ports import Hasher, SignInStore, SignInUnit
    from headworks.kernel.clock import Clock
    from headworks.kernel.principal import Principal
    from headworks.kernel.secrets import Secret


async def confirm_password(
    store: SignInStore, hasher: Hasher, user_id: str, password: Secret, client: Client, clock: Clock
) -> User:
    """Make sure that it is the user themselves who sits there. Raises WrongCredentials, TooManyTries.

    It counts as a try to sign in: a session that was left open is no place to guess passwords at.
    """
    async with store.read() as reading:
        user = await reading.user(user_id)
        stored = await reading.password(user_id)
    if user is None or stored is None:
        raise WrongCredentials("This account has no password; it signs in another way.")
    tries = Tries(user.email_key, client.source)
    await tries.count(store, clock())
    if not await hasher.verify(password, stored.password_hash):
        raise WrongCredentials("The password is wrong.")
    async with store.transaction() as unit:
        await tries.succeed(unit, clock())
    return user


async def put_password(
    unit: SignInUnit, user_id: str, password: StoredPassword, *, action: str = "changed", keep: str | None = None
) -> None:
    """Another password for somebody; their sessions end, but for `keep`."""
    before = await unit.password(user_id)
    await unit.put_password(user_id, password)
    await revoke_others(unit, user_id, keep, password.changed_at, "password_changed")
    shown = None if before is None else {"must_change": before.must_change}
    unit.audit(Change(f"password.{action}", "user", user_id, shown, {"must_change": password.must_change}))
    unit.publish(PasswordSet(user_id))


@dataclass(frozen=True, slots=True)
class Passwords:
    """What is done with passwords besides signing in."""

    store: SignInStore
    hasher: Hasher
    clock: Clock

    async def change(self, caller: Principal, current: Secret, new: Secret, client: Client) -> None:
        """Another password for the caller; their other sessions end. Raises Invalid, WrongCredentials, TooManyTries."""
        user = await confirm_password(self.store, self.hasher, caller.id, current, client, self.clock)
        checked = checked_password("new_password", new, user.email)
        if checked.reveal() == normal(current.reveal()):
            raise Invalid.field("new_password", "unchanged", "must be another than the current one")
        await self._put(user, await self.hasher.hash(checked), keep=caller.session_id)

    async def prepare(self, field: str, password: Secret, email: str) -> str:
        """The hash of a new account's password, to be stored when the account is. Raises Invalid, SignInBusy."""
        return await self.hasher.hash(checked_password(field, password, email))

    async def set_one_time(self, user: User, password: Secret) -> None:
        """A password that was made for somebody, to be changed at their first sign-in. Their sessions end."""
        await self._put(user, await self.hasher.hash(password), must_change=True)

    async def _put(self, user: User, password_hash: str, *, must_change: bool = False, keep: str | None = None) -> None:
        async with self.store.transaction() as unit:
            await put_password(unit, user.id, StoredPassword(password_hash, self.clock(), must_change), keep=keep)
