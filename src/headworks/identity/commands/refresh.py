"""Going on: a new access token for a refresh token, which is used up; and for another organisation.

`domain.sessions` says what a used token that comes again means.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.identity.commands.sessions import Granted, Limits, choose_organization, described, end_session
from headworks.identity.contracts import SessionEnded
from headworks.identity.domain.sealing import refresh_token_context
from headworks.identity.domain.sessions import (
    REFRESH_PREFIX,
    hash_token,
    is_alive,
    random_token,
)
from headworks.identity.errors import (
    CsrfRefused,
    InvalidRefreshToken,
    RefreshTokenReused,
    SessionIsOver,
    SsoSessionBound,
)
from headworks.kernel.audit import Change
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.commands.sessions import Client
    from headworks.identity.commands.signing import Signer
    from headworks.identity.contracts import Session, User
    from headworks.identity.domain.sessions import RefreshToken
    from headworks.identity.ports import SignInStore, SignInUnit
    from headworks.identity.settings import SignInSettings
    from headworks.kernel.clock import Clock
    from headworks.kernel.principal import Principal
    from headworks.kernel.secrets import Sealer, Secret

_log = logger(__name__)
_LONGEST = 256


@dataclass(frozen=True, slots=True)
class Presented:
    """A refresh token as it came."""

    token: Secret
    csrf: Secret | None = None
    """What the browser proves to be on our pages with; None for a token that did not come as a cookie."""
    by_cookie: bool = False


@dataclass(frozen=True, slots=True)
class _Next:
    session: Session
    user: User
    refresh: Secret
    must_change: bool


@dataclass(frozen=True, slots=True)
class Refresh:
    """The way on."""

    store: SignInStore
    signer: Signer
    sealer: Sealer
    settings: SignInSettings
    clock: Clock

    async def __call__(self, presented: Presented, client: Client) -> Granted:
        """A new pair of tokens. Raises InvalidRefreshToken, RefreshTokenReused, CsrfRefused."""
        at = self.clock()
        async with self.store.transaction() as unit:
            found = await self._advance(unit, presented, client, at)
        # Refused after the commit: the end of a family that was stolen from must last.
        if isinstance(found, InvalidRefreshToken):
            raise found
        token, expires_at = await self.signer.access_token(found.session, at)
        return Granted(found.session, found.user, found.must_change, token, expires_at, found.refresh)

    async def switch(self, caller: Principal, organization_id: str) -> Granted:
        """The same session in another of the caller's organisations.

        Raises NotYourOrganization, SessionIsOver, SsoSessionBound.
        """
        at = self.clock()
        async with self.store.transaction() as unit:
            session = await unit.lock_session(caller.session_id or "")
            user = await unit.user(caller.id)
            if session is None or user is None or not is_alive(session, self.settings.idle, at):
                raise SessionIsOver("The session is over. Sign in again.")
            if session.connection_id is not None:
                raise SsoSessionBound(
                    "You signed in by the directory of one organisation, which opens no other. Sign in to that one."
                )
            chosen = await choose_organization(unit, user, organization_id)
            moved = replace(session, organization_id=chosen)
            await unit.replace_session(moved)
            unit.audit(Change("session.switched", "session", session.id, described(session), described(moved)))
            # Tokens for the organisation before name another one than the session: they are refused from here on.
            unit.publish(SessionEnded(session.id))
        token, expires_at = await self.signer.access_token(moved, at)
        return Granted(moved, user, caller.must_change_password, token, expires_at)

    async def _advance(
        self, unit: SignInUnit, presented: Presented, client: Client, at: datetime
    ) -> _Next | InvalidRefreshToken:
        text = presented.token.reveal()
        token = await unit.refresh_token(hash_token(text)) if len(text) <= _LONGEST else None
        session = await unit.lock_session(token.session_id) if token is not None else None
        if token is None or session is None or not is_alive(session, self.settings.idle, at):
            return InvalidRefreshToken("The refresh token is unknown, or its session is over. Sign in again.")
        _check_carriage(session, presented)
        # Read anew under the lock: of fifty that came at once one was first.
        token = await unit.refresh_token(token.token_hash) or token
        user = await unit.user(session.user_id)
        if user is None or user.state != "active":
            await end_session(unit, session, "user_disabled", at)
            return InvalidRefreshToken("The session is over. Sign in again.")
        fate = token.fate(session.generation, at)
        if fate == "expired":
            return InvalidRefreshToken("The refresh token has expired. Sign in again.")
        if fate == "stolen":
            _log.warning("refresh token reused", session_id=session.id, user_id=user.id, source=client.source)
            await end_session(unit, session, "refresh_token_reused", at)
            return RefreshTokenReused("The refresh token was used before, so the session was ended. Sign in again.")
        password = await unit.password(user.id) if session.connection_id is None else None
        must_change = password is not None and password.must_change
        if fate == "repeated":
            return _Next(session, user, self.sealer.open(token.successor, _context(token)), must_change)
        return await self._rotate(unit, session, token, client, at, (user, must_change))

    async def _rotate(
        self,
        unit: SignInUnit,
        session: Session,
        token: RefreshToken,
        client: Client,
        at: datetime,
        who: tuple[User, bool],
    ) -> _Next:
        successor = random_token(REFRESH_PREFIX)
        moved = replace(
            session,
            generation=session.generation + 1,
            last_seen_at=at,
            source=client.source,
            user_agent=client.shown_agent,
        )
        await unit.replace_session(moved)
        await unit.replace_refresh_token(token.used(at, self.sealer.seal(successor, _context(token))))
        await unit.forget_successors(session.id, token.generation)
        await unit.add_refresh_token(Limits(self.settings, at).refresh_token(moved, successor))
        user, must_change = who
        return _Next(moved, user, successor, must_change)


def _check_carriage(session: Session, presented: Presented) -> None:
    """A browser's token is taken only from its cookie and with proof; a program's never from a cookie."""
    if (session.carriage == "cookie") != presented.by_cookie:
        raise InvalidRefreshToken("The refresh token did not come the way it was given out. Sign in again.")
    if presented.by_cookie:
        proof = hash_token(presented.csrf.reveal()) if presented.csrf is not None else ""
        if not hmac.compare_digest(proof, session.csrf_hash):
            raise CsrfRefused("Send the value of the CSRF cookie as the header `X-CSRF-Token`.")


def _context(token: RefreshToken) -> bytes:
    return refresh_token_context(token.session_id, token.generation)
