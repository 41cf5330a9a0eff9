"""Setting up a second factor, using it, and taking it away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.identity.commands.passwords import confirm_password
from headworks.identity.contracts import SecondFactor
from headworks.identity.domain.recovery import hash_code, new_codes
from headworks.identity.domain.sealing import second_factor_context
from headworks.identity.domain.totp import matching_step, new_secret, provisioning_uri
from headworks.identity.errors import NoSecondFactor, SecondFactorExists, WrongSecondFactor
from headworks.kernel.audit import Change

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.commands.sessions import Client
    from headworks.identity.ports import Hasher, SignInStore, SignInUnit
    from headworks.kernel.clock import Clock
    from headworks.kernel.secrets import Sealer, Secret


@dataclass(frozen=True, slots=True)
class SetUp:
    """What an authenticator app has to be told, this once."""

    secret: Secret
    uri: Secret
    """`otpauth:`, for a QR code."""


async def use_code(
    unit: SignInUnit, sealer: Sealer, user_id: str, factor: SecondFactor, code: str, at: datetime
) -> None:
    """Use up the code of an authenticator app. Raises WrongSecondFactor, also when it was used before."""
    step = matching_step(sealer.open(factor.sealed_secret, second_factor_context(user_id)), code, at, factor.last_step)
    if step is None or not await unit.use_step(user_id, step):
        raise WrongSecondFactor("The code is wrong, or was used before. Wait for the next one.")


@dataclass(frozen=True, slots=True)
class SecondFactors:
    """What a user does with their second factor; all that weakens it asks for their password."""

    store: SignInStore
    hasher: Hasher
    sealer: Sealer
    clock: Clock

    async def set_up(self, user_id: str, password: Secret, client: Client) -> SetUp:
        """A new secret, in force once it is confirmed. Raises WrongCredentials, TooManyTries, SecondFactorExists."""
        user = await confirm_password(self.store, self.hasher, user_id, password, client, self.clock)
        secret = new_secret()
        sealed = self.sealer.seal(secret, second_factor_context(user_id))
        async with self.store.transaction() as unit:
            factor = await unit.second_factor(user_id)
            if factor is not None and factor.confirmed_at is not None:
                raise SecondFactorExists("A second factor is set up already; remove it first.")
            await unit.put_second_factor(user_id, SecondFactor(sealed, self.clock()))
        return SetUp(secret, provisioning_uri(secret, user.email))

    async def confirm(self, user_id: str, code: str) -> list[Secret]:
        """Put it in force: the app has the secret. The recovery codes. Raises NoSecondFactor, WrongSecondFactor."""
        at = self.clock()
        codes = new_codes()
        async with self.store.transaction() as unit:
            factor = await unit.second_factor(user_id)
            if factor is None or factor.confirmed_at is not None:
                raise NoSecondFactor("There is no second factor to confirm; begin with POST /api/v1/auth/totp.")
            await use_code(unit, self.sealer, user_id, factor, code, at)
            used = await unit.second_factor(user_id) or factor
            await unit.put_second_factor(user_id, replace(used, confirmed_at=at))
            await unit.put_recovery_codes(user_id, [hash_code(one.reveal()) for one in codes])
            unit.audit(Change("second_factor.confirmed", "user", user_id, {"confirmed": False}, {"confirmed": True}))
        return codes

    async def renew_codes(self, user_id: str, password: Secret, client: Client) -> list[Secret]:
        """Ten new recovery codes in place of the old ones. Raises WrongCredentials, TooManyTries, NoSecondFactor."""
        await confirm_password(self.store, self.hasher, user_id, password, client, self.clock)
        codes = new_codes()
        async with self.store.transaction() as unit:
            await _confirmed(unit, user_id)
            await unit.put_recovery_codes(user_id, [hash_code(one.reveal()) for one in codes])
            unit.audit(Change("second_factor.recovery_codes_renewed", "user", user_id, None, None))
        return codes

    async def remove(self, user_id: str, password: Secret, client: Client) -> None:
        """Take it away, with its recovery codes. Raises WrongCredentials, TooManyTries, NoSecondFactor."""
        await confirm_password(self.store, self.hasher, user_id, password, client, self.clock)
        async with self.store.transaction() as unit:
            await _confirmed(unit, user_id)
            await unit.remove_second_factor(user_id)
            unit.audit(Change("second_factor.removed", "user", user_id, {"confirmed": True}, None))


async def _confirmed(unit: SignInUnit, user_id: str) -> None:
    factor = await unit.second_factor(user_id)
    if factor is None or factor.confirmed_at is None:
        raise NoSecondFactor("No second factor is set up.")
