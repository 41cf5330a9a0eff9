"""Counting tries before they are looked at, and giving back those that were right."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from headworks.identity.domain.throttle import (
    ACCOUNT,
    SIGN_ON,
    SOURCE,
    account_key,
    no_tries,
    sign_on_key,
    source_key,
)
from headworks.identity.errors import TooManyTries

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.domain.throttle import Rule
    from headworks.identity.ports import SignInStore, SignInUnit


class Counted:
    """Something that may be tried so often, by each of some keys."""

    def __init__(self, *rules: tuple[str, Rule]) -> None:
        self._rules = rules

    async def count(self, store: SignInStore, at: datetime) -> None:
        """Count this one as a failure until it is known to be none. Raises TooManyTries, which counts nothing."""
        async with store.transaction() as unit:
            found = [(await unit.lock_tries(key) or no_tries(key, at), rule) for key, rule in self._rules]
            wait = max(tries.wait(at).total_seconds() for tries, _ in found)
            if wait > 0:
                seconds = math.ceil(wait)
                raise TooManyTries(
                    f"There were too many failed tries to sign in; the next one is looked at in {seconds} s.",
                    retry_after=seconds,
                )
            for tries, rule in found:
                await unit.put_tries(tries.counted(rule, at))

    async def give_back(self, unit: SignInUnit, at: datetime) -> None:
        """It was no failure, and does not clear those before it."""
        for key, _ in self._rules:
            tries = await unit.lock_tries(key)
            if tries is not None:
                await unit.put_tries(tries.given_back(at))


class Tries(Counted):
    """The tries of one attempt to sign in: its account's and its source's."""

    def __init__(self, email_key: str, source: str) -> None:
        self._account = account_key(email_key)
        super().__init__((self._account, ACCOUNT), (source_key(source), SOURCE))

    async def succeed(self, unit: SignInUnit, at: datetime) -> None:
        """Clear the account's; the source only gets this one back, or one's own account would free it for others'."""
        await self.give_back(unit, at)
        await unit.remove_tries(self._account)


def begun_from(source: str) -> Counted:
    """The sign-ins by a directory that a source began and did not finish."""
    return Counted((sign_on_key(source), SIGN_ON))


def finished_from(source: str) -> Counted:
    """What comes back from a directory: what proves nothing counts as a wrong password does."""
    return Counted((source_key(source), SOURCE))
