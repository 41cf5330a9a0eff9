"""Sign-in in this process's memory: the twin that the contract tests hold to the same behaviour as SQL."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

from headworks.kernel.pagination import Page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from headworks.identity.contracts import EndReason, Membership, SecondFactor, Session, StoredPassword, User
    from headworks.identity.domain.sessions import RefreshToken
    from headworks.identity.domain.signing import StoredSigningKey
    from headworks.identity.domain.throttle import Tries
    from headworks.kernel.audit import Change
    from headworks.kernel.events import EventBus, Publish
    from headworks.kernel.pagination import PageRequest


@dataclass(slots=True)
class Tables:
    """All there is. A transaction works on a copy, which takes the place of the original at its end."""

    organizations: dict[str, bool] = field(default_factory=dict)
    """Whether each is active; the oldest first."""
    users: dict[str, User] = field(default_factory=dict)
    memberships: dict[str, Membership] = field(default_factory=dict)
    passwords: dict[str, StoredPassword] = field(default_factory=dict)
    second_factors: dict[str, SecondFactor] = field(default_factory=dict)
    recovery_codes: dict[tuple[str, str], datetime | None] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict)
    signing_keys: dict[str, StoredSigningKey] = field(default_factory=dict)
    tries: dict[str, Tries] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

    def copy(self) -> Tables:
        """One that can be changed and thrown away."""
        return Tables(**{one.name: copy(getattr(self, one.name)) for one in fields(self)})


class MemorySignInReading:
    """See `ports.SignInReading`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def user(self, user_id: str) -> User | None:
        """See `ports.SignInReading`."""
        return self._tables.users.get(user_id)

    async def user_by_email(self, email_key: str) -> User | None:
        """See `ports.SignInReading`."""
        return next((user for user in self._tables.users.values() if user.email_key == email_key), None)

    async def first_operator(self) -> User | None:
        """See `ports.SignInReading`."""
        every = sorted(self._tables.users.values(), key=lambda one: (one.created_at, one.id))
        made_here = (one for one in every if one.is_operator and one.created_by == "system" and one.state == "active")
        return next(made_here, None)

    async def memberships(self, user_id: str) -> list[Membership]:
        """See `ports.SignInReading`."""
        own = [one for one in self._tables.memberships.values() if one.user_id == user_id]
        active = [one for one in own if self._tables.organizations.get(one.organization_id)]
        return sorted(active, key=lambda one: (one.created_at, one.id))

    async def organization_to_operate(self, organization_id: str | None) -> str | None:
        """See `ports.SignInReading`."""
        active = [one for one, is_active in self._tables.organizations.items() if is_active]
        return next((one for one in active if organization_id in (None, one)), None)

    async def password(self, user_id: str) -> StoredPassword | None:
        """See `ports.SignInReading`."""
        return self._tables.passwords.get(user_id)

    async def second_factor(self, user_id: str) -> SecondFactor | None:
        """See `ports.SignInReading`."""
        return self._tables.second_factors.get(user_id)

    async def recovery_codes_left(self, user_id: str) -> int:
        """See `ports.SignInReading`."""
        return sum(1 for (owner, _), used in self._tables.recovery_codes.items() if owner == user_id and used is None)

    async def session(self, session_id: str) -> Session | None:
        """See `ports.SignInReading`."""
        return self._tables.sessions.get(session_id)

    async def sessions(
        self, user_id: str, alive_at: datetime, seen_after: datetime, page: PageRequest
    ) -> Page[Session]:
        """See `ports.SignInReading`."""
        found = [
            one
            for one in sorted(self._tables.sessions.values(), key=lambda one: one.id, reverse=True)
            if one.user_id == user_id
            and one.ended_at is None
            and one.expires_at > alive_at
            and one.last_seen_at > seen_after
        ]
        return Page(found[page.offset : page.offset + page.per_page], len(found), page)

    async def refresh_token(self, token_hash: str) -> RefreshToken | None:
        """See `ports.SignInReading`."""
        return self._tables.refresh_tokens.get(token_hash)

    async def signing_keys(self) -> list[StoredSigningKey]:
        """See `ports.SignInReading`."""
        return sorted(self._tables.signing_keys.values(), key=lambda one: (one.created_at, one.id), reverse=True)


class MemorySignInUnit(MemorySignInReading):
    """See `ports.SignInUnit`."""

    def __init__(self, tables: Tables, publish: Publish) -> None:
        super().__init__(tables)
        self.publish = publish

    def audit(self, change: Change) -> None:
        """See `ports.SignInUnit`."""
        self._tables.changes.append(change)

    async def put_password(self, user_id: str, password: StoredPassword) -> None:
        """See `ports.SignInUnit`."""
        self._tables.passwords[user_id] = password

    async def put_second_factor(self, user_id: str, factor: SecondFactor) -> None:
        """See `ports.SignInUnit`."""
        self._tables.second_factors[user_id] = factor

    async def use_step(self, user_id: str, step: int) -> bool:
        """See `ports.SignInUnit`."""
        factor = self._tables.second_factors.get(user_id)
        if factor is None or factor.last_step >= step:
            return False
        self._tables.second_factors[user_id] = replace(factor, last_step=step)
        return True

    async def remove_second_factor(self, user_id: str) -> None:
        """See `ports.SignInUnit`."""
        self._tables.second_factors.pop(user_id, None)
        self._forget_codes(user_id)

    async def put_recovery_codes(self, user_id: str, hashes: list[str]) -> None:
        """See `ports.SignInUnit`."""
        self._forget_codes(user_id)
        self._tables.recovery_codes.update({(user_id, code_hash): None for code_hash in hashes})

    async def use_recovery_code(self, user_id: str, code_hash: str, at: datetime) -> bool:
        """See `ports.SignInUnit`."""
        if self._tables.recovery_codes.get((user_id, code_hash), at) is not None:
            return False
        self._tables.recovery_codes[user_id, code_hash] = at
        return True

    async def lock_session(self, session_id: str) -> Session | None:
        """See `ports.SignInUnit`."""
        return await self.session(session_id)

    async def add_session(self, session: Session) -> None:
        """See `ports.SignInUnit`."""
        self._tables.sessions[session.id] = session

    async def replace_session(self, session: Session) -> None:
        """See `ports.SignInUnit`."""
        self._tables.sessions[session.id] = session

    async def end_sessions(
        self,
        user_id: str,
        reason: EndReason,
        at: datetime,
        *,
        keep: str | None = None,
        organization_id: str | None = None,
    ) -> list[str]:
        """See `ports.SignInUnit`."""
        living = [one for one in self._tables.sessions.values() if one.user_id == user_id and one.ended_at is None]
        here = [one for one in living if organization_id in (None, one.organization_id)]
        ending = sorted((one for one in here if one.id != keep), key=lambda one: one.id)
        self._tables.sessions.update({one.id: replace(one, ended_at=at, end_reason=reason) for one in ending})
        return [one.id for one in ending]

    async def add_refresh_token(self, token: RefreshToken) -> None:
        """See `ports.SignInUnit`."""
        self._tables.refresh_tokens[token.token_hash] = token

    async def replace_refresh_token(self, token: RefreshToken) -> None:
        """See `ports.SignInUnit`."""
        self._tables.refresh_tokens[token.token_hash] = token

    async def forget_successors(self, session_id: str, before_generation: int) -> None:
        """See `ports.SignInUnit`."""
        for token in list(self._tables.refresh_tokens.values()):
            if token.session_id == session_id and token.generation < before_generation:
                self._tables.refresh_tokens[token.token_hash] = replace(token, successor="")

    async def add_signing_key(self, key: StoredSigningKey) -> None:
        """See `ports.SignInUnit`."""
        self._tables.signing_keys[key.id] = key

    async def remove_signing_keys(self, ids: list[str]) -> None:
        """See `ports.SignInUnit`."""
        for key_id in ids:
            self._tables.signing_keys.pop(key_id, None)

    async def lock_tries(self, key: str) -> Tries | None:
        """See `ports.SignInUnit`."""
        return self._tables.tries.get(key)

    async def put_tries(self, tries: Tries) -> None:
        """See `ports.SignInUnit`."""
        self._tables.tries[tries.key] = tries

    async def remove_tries(self, key: str) -> None:
        """See `ports.SignInUnit`."""
        self._tables.tries.pop(key, None)

    async def purge(self, tries_before: datetime, sessions_before: datetime) -> None:
        """See `ports.SignInUnit`."""
        tables = self._tables
        tables.tries = {key: one for key, one in tables.tries.items() if one.forget_at > tries_before}
        tables.sessions = {key: one for key, one in tables.sessions.items() if one.expires_at > sessions_before}
        kept = tables.refresh_tokens.items()
        tables.refresh_tokens = {key: one for key, one in kept if one.session_id in tables.sessions}

    def _forget_codes(self, user_id: str) -> None:
        kept = self._tables.recovery_codes.items()
        self._tables.recovery_codes = {key: used for key, used in kept if key[0] != user_id}


class MemorySignIn:
    """`ports.SignInStore` without a disk. Who its users are is put into `tables`."""

    def __init__(self, bus: EventBus) -> None:
        self.tables = Tables()
        self._bus = bus
        self._one_writer = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemorySignInUnit]:
        """See `ports.SignInStore`."""
        with self._bus.after() as publish:
            async with self._one_writer:
                changed = self.tables.copy()
                yield MemorySignInUnit(changed, publish)
                self.tables = changed

    @asynccontextmanager
    async def read(self) -> AsyncIterator[MemorySignInReading]:
        """See `ports.SignInStore`."""
        yield MemorySignInReading(self.tables)
