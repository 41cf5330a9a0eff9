"""How fast one may try to sign in: a few tries are free, then each one waits longer than the one before.

Tries are counted by account and by source. They are counted before the password is looked at, so that a hundred at once
are a hundred, and what turns out to be right is given back.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

MOST_SECONDS: Final = 900
"""The longest wait: nobody is locked out for good by somebody else's guessing."""
_IPV6_NETWORK = 64
"""What one subscriber has."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How many tries are free, and after how long a silence they are forgotten."""

    free: int
    forget: timedelta

    def delay(self, failures: int) -> timedelta:
        """The wait after so many: none while they are free, then 1, 2, 4 … 900 seconds."""
        over = failures - self.free
        if over < 0:
            return timedelta(0)
        return timedelta(seconds=min(MOST_SECONDS, 2 ** min(over, 10)))


ACCOUNT: Final = Rule(free=5, forget=timedelta(days=1))
SOURCE: Final = Rule(free=20, forget=timedelta(minutes=15))
"""Many people may share an address, so it has more; a right password does not clear it, or one's own account would."""
SIGN_ON: Final = Rule(free=60, forget=timedelta(minutes=15))
"""Sign-ins by a directory that a source began and did not finish: a whole office may begin within the same minute."""


@dataclass(frozen=True, slots=True)
class Tries:
    """What is remembered of one account or source."""

    key: str
    failures: int
    locked_until: datetime
    forget_at: datetime

    def counted(self, rule: Rule, at: datetime) -> Tries:
        """With one more failure."""
        failures = 1 if self.forget_at <= at else self.failures + 1
        locked_until = at + rule.delay(failures)
        return Tries(self.key, failures, locked_until, max(at, locked_until) + rule.forget)

    def given_back(self, at: datetime) -> Tries:
        """Without the last one, which was no failure."""
        return replace(self, failures=max(0, self.failures - 1), locked_until=min(self.locked_until, at))

    def wait(self, at: datetime) -> timedelta:
        """How long from `at` until the next try is looked at; zero or less for now."""
        return self.locked_until - at


def no_tries(key: str, at: datetime) -> Tries:
    """Nobody tried yet."""
    return Tries(key, 0, at, at)


def account_key(email_key: str) -> str:
    """What an account's tries are kept under: a hash, since people type passwords into the wrong field."""
    return "account:" + hashlib.sha256(email_key.encode(errors="replace")).hexdigest()


def source_key(source: str) -> str:
    """What a source's tries are kept under: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return "source:unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return f"source:{address.ipv4_mapped}"
        return f"source:{ipaddress.ip_network((address.packed, _IPV6_NETWORK), strict=False)}"
    return f"source:{address}"


def sign_on_key(source: str) -> str:
    """What the sign-ins that a source began are kept under."""
    return f"sso-{source_key(source)}"
