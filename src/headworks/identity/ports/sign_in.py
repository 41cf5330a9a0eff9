"""Where sign-in keeps its things: passwords, second factors, sessions, tokens, keys that sign them, and tries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from headworks.identity.contracts import EndReason, Membership, SecondFactor, Session, StoredPassword, User
    from headworks.identity.domain.sessions import RefreshToken
    from headworks.identity.domain.signing import StoredSigningKey
    from headworks.identity.domain.throttle import Tries
    from headworks.kernel.audit import Change
    from headworks.kernel.pagination import Page, PageRequest


class SignInReading(Protocol):
    """Look-ups. All of them are about one user, whose id or secret the caller has proved."""

    async def user(self, user_id: str) -> User | None:
        """None when there is none."""

    async def user_by_email(self, email_key: str) -> User | None:
        """By the casefolded address."""

    async def first_operator(self) -> User | None:
        """The oldest operator that no other user made; None when they are disabled, or there is none."""

    async def memberships(self, user_id: str) -> list[Membership]:
        """Of organisations that are not disabled, the oldest first."""

    async def organization_to_operate(self, organization_id: str | None) -> str | None:
        """For operators, who belong nowhere: that organisation where it exists and is not disabled, or the oldest."""

    async def password(self, user_id: str) -> StoredPassword | None:
        """None for who never had one."""

    async def second_factor(self, user_id: str) -> SecondFactor | None:
        """Confirmed or not."""

    async def recovery_codes_left(self, user_id: str) -> int:
        """How many were not used."""

    async def session(self, session_id: str) -> Session | None:
        """Ended ones too."""

    async def sessions(
        self, user_id: str, alive_at: datetime, seen_after: datetime, page: PageRequest
    ) -> Page[Session]:
        """Those that have not ended, expire after `alive_at` and were seen after `seen_after`; the newest first."""

    async def refresh_token(self, token_hash: str) -> RefreshToken | None:
        """Used ones too."""

    async def signing_keys(self) -> list[StoredSigningKey]:
        """All of them, the newest first."""


class SignInUnit(SignInReading, Protocol):
    """One transaction: all of it happens, or nothing. Its events are told after the commit."""

    async def put_password(self, user_id: str, password: StoredPassword) -> None:
        """In place of the one before."""

    async def put_second_factor(self, user_id: str, factor: SecondFactor) -> None:
        """In place of the one before."""

    async def use_step(self, user_id: str, step: int) -> bool:
        """Note that the code of this step was used; False when it, or a later one, was used before."""

    async def remove_second_factor(self, user_id: str) -> None:
        """With its recovery codes."""

    async def put_recovery_codes(self, user_id: str, hashes: list[str]) -> None:
        """In place of the ones before."""

    async def use_recovery_code(self, user_id: str, code_hash: str, at: datetime) -> bool:
        """Note that it was used; False when there is none such, or it was used before."""

    async def lock_session(self, session_id: str) -> Session | None:
        """As `session`; nobody else changes it before this transaction ends."""

    async def add_session(self, session: Session) -> None:
        """Keep a new one."""

    async def replace_session(self, session: Session) -> None:
        """Overwrite the one with this id."""

    async def end_sessions(
        self,
        user_id: str,
        reason: EndReason,
        at: datetime,
        *,
        keep: str | None = None,
        organization_id: str | None = None,
    ) -> list[str]:
        """End all of a user's, or those that act in one organisation, but for `keep`; the ids of those that had not ended."""

    async def add_refresh_token(self, token: RefreshToken) -> None:
        """Keep a new one."""

    async def replace_refresh_token(self, token: RefreshToken) -> None:
        """Overwrite the one with this hash."""

    async def forget_successors(self, session_id: str, before_generation: int) -> None:
        """Forget the sealed successors of tokens of earlier generations."""

    async def add_signing_key(self, key: StoredSigningKey) -> None:
        """Keep a new one."""

    async def remove_signing_keys(self, ids: list[str]) -> None:
        """Their tokens are over."""

    async def lock_tries(self, key: str) -> Tries | None:
        """None when nobody tried, or it was forgotten. Nobody else changes it before this transaction ends."""

    async def put_tries(self, tries: Tries) -> None:
        """In place of what there was."""

    async def remove_tries(self, key: str) -> None:
        """Start anew."""

    async def purge(self, tries_before: datetime, sessions_before: datetime) -> None:
        """Remove tries that were to be forgotten, and sessions with their tokens that expired, before these moments."""

    def audit(self, change: Change) -> None:
        """Record what was done, in the same transaction."""

    def publish(self, event: object) -> None:
        """Tell `event` once the transaction is committed."""


class SignInStore(Protocol):
    """Where sign-in is kept."""

    def transaction(self) -> AbstractAsyncContextManager[SignInUnit]:
        """Commits at the end of the block, unless it raises."""

    def read(self) -> AbstractAsyncContextManager[SignInReading]:
        """Look-ups only."""
