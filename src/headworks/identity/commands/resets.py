"""Letting somebody in again who lost their password or their second factor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.identity.commands.passwords import put_password
from headworks.identity.contracts import StoredPassword
from headworks.identity.domain.passwords import one_time_password
from headworks.identity.domain.resets import resettable
from headworks.identity.domain.throttle import account_key
from headworks.identity.errors import NoSecondFactor
from headworks.kernel.audit import Change

if TYPE_CHECKING:
    from headworks.identity.contracts import User
    from headworks.identity.ports import Hasher, SignInStore, SignInUnit
    from headworks.kernel.clock import Clock
    from headworks.kernel.principal import Principal
    from headworks.kernel.secrets import Secret


@dataclass(frozen=True, slots=True)
class Reset:
    """Somebody, and the password that lets them in once more."""

    user: User
    password: Secret


@dataclass(frozen=True, slots=True)
class Resets:
    """What others do for who cannot sign in any more."""

    store: SignInStore
    hasher: Hasher
    clock: Clock

    async def password(self, caller: Principal, user_id: str) -> Reset:
        """A password to be changed at the next sign-in. Their sessions end, and their failed tries are forgotten.

        Raises UserNotFound, NotForOneself, MoreThanOwnRights, SignInBusy.
        """
        made = one_time_password()
        # First of all, so that it takes as long for who is not there.
        password_hash = await self.hasher.hash(made)
        async with self.store.transaction() as unit:
            user = await _found(unit, caller, user_id, "POST /api/v1/auth/password")
            stored = StoredPassword(password_hash, self.clock(), must_change=True)
            await put_password(unit, user.id, stored, action="reset")
            await unit.remove_tries(account_key(user.email_key))
        return Reset(user, made)

    async def second_factor(self, caller: Principal, user_id: str) -> None:
        """Take it away, with its recovery codes. Raises UserNotFound, NotForOneself, MoreThanOwnRights, NoSecondFactor."""
        async with self.store.transaction() as unit:
            user = await _found(unit, caller, user_id, "POST /api/v1/auth/totp/remove")
            factor = await unit.second_factor(user.id)
            if factor is None or factor.confirmed_at is None:
                raise NoSecondFactor("They have no second factor.")
            await unit.remove_second_factor(user.id)
            unit.audit(Change("second_factor.reset", "user", user.id, {"confirmed": True}, None))


async def _found(unit: SignInUnit, caller: Principal, user_id: str, own_way: str) -> User:
    user, memberships = await unit.user(user_id), await unit.every_membership(user_id)
    return resettable(caller, user_id, user, memberships, own_way)
