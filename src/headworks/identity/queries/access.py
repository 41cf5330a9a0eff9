"""Who calls: the holder of a management key, or of an access token, as a bearer or in a browser's cookie.

What a living session may do is remembered for a few seconds. A change is heard of by its event: of this process at once, of others
within a moment, and where that fails it takes as long as the memory lasts.
"""

from __future__ import annotations

import hmac
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from headworks.identity.domain.sessions import hash_token, is_alive
from headworks.identity.domain.standing import Standing
from headworks.identity.domain.tokens import looks_like_token
from headworks.identity.errors import CsrfRefused, InvalidToken, SessionIsOver

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from headworks.identity.ports import SignInStore
    from headworks.identity.queries.tokens import Tokens
    from headworks.kernel.clock import Clock
    from headworks.kernel.principal import Principal

REMEMBERED: Final = timedelta(seconds=5)
"""The longest that a session lives on in another process than the one that ended it."""
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class _Seen:
    standing: Standing
    until: datetime


class Sessions:
    """What living sessions may do, remembered; events make it forget, in whatever thread they are told."""

    def __init__(self, store: SignInStore, idle: timedelta) -> None:
        self._store = store
        self._idle = idle
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._changes = 0
        self._lock = threading.Lock()

    async def standing(self, session_id: str, at: datetime) -> Standing:
        """Raises SessionIsOver."""
        seen = self._seen.get(session_id)
        if seen is not None and at < seen.until and is_alive(seen.standing.session, self._idle, at):
            return seen.standing
        changes = self._changes
        standing = await self._look_up(session_id, at)
        with self._lock:
            # What changed while the store was read may not be in what was read.
            if changes == self._changes:
                self._remember(session_id, _Seen(standing, at + REMEMBERED))
        return standing

    def forget_session(self, session_id: str) -> None:
        """It ended."""
        with self._lock:
            self._changes += 1
            self._seen.pop(session_id, None)

    def forget_user(self, user_id: str) -> None:
        """They were disabled, or may do something else, or have another password."""
        with self._lock:
            self._changes += 1
            for session_id in [key for key, seen in self._seen.items() if seen.standing.user.id == user_id]:
                del self._seen[session_id]

    def forget_all(self) -> None:
        """Something changed that concerns many."""
        with self._lock:
            self._changes += 1
            self._seen.clear()

    async def _look_up(self, session_id: str, at: datetime) -> Standing:
        async with self._store.read() as reading:
            session = await reading.session(session_id)
            user = await reading.user(session.user_id) if session is not None else None
            if session is None or user is None or user.state != "active" or not is_alive(session, self._idle, at):
                raise SessionIsOver("The session is over. Sign in again.")
            memberships = await reading.memberships(user.id)
            # A directory is not to decide who operates, and knows nothing of passwords.
            by_directory = session.connection_id is not None
            password = None if by_directory else await reading.password(user.id)
            may_operate = user.is_operator and not by_directory
            operated = await reading.organization_to_operate(session.organization_id) if may_operate else None
        return Standing(
            session,
            user,
            memberships,
            must_change_password=password is not None and password.must_change,
            operates=operated is not None,
        )

    def _remember(self, session_id: str, seen: _Seen) -> None:
        self._seen[session_id] = seen
        self._seen.move_to_end(session_id)
        while len(self._seen) > _MOST:
            self._seen.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Authentication:
    """Fills the web's `Authenticator`."""

    of_keys: Callable[[str, str | None], Awaitable[Principal]]
    """Who holds this management key, and calls from this address."""
    of_signers: Callable[[str, str | None], Awaitable[Principal]]
    """Who has this signing key, and calls from this address."""
    tokens: Tokens
    sessions: Sessions
    clock: Clock

    async def authenticate(self, token: str, source: str | None) -> Principal:
        """Who sends this as a bearer. Raises InvalidKey, WrongKindOfKey, AddressNotAllowed, InvalidToken, Unavailable."""
        if not looks_like_token(token):
            return await self.of_keys(token, source)
        standing = await self._standing(token, source)
        if standing.session.carriage != "bearer":
            raise InvalidToken("The access token is a browser's: it is taken from its cookie and nowhere else.")
        return standing.principal()

    async def authenticate_signer(self, signer: str, source: str | None) -> Principal:
        """Who signed a request. Raises InvalidKey, WrongKindOfKey, AddressNotAllowed, Unavailable."""
        return await self.of_signers(signer, source)

    async def authenticate_browser(self, token: str, csrf: str | None, source: str | None = None) -> Principal:
        """Who sends this as a cookie; `csrf` is None where nothing can be changed. Raises InvalidToken, CsrfRefused."""
        standing = await self._standing(token, source)
        if standing.session.carriage != "cookie":
            raise InvalidToken("The access token is a program's: send it as a bearer.")
        if csrf is not None and not hmac.compare_digest(hash_token(csrf), standing.session.csrf_hash):
            raise CsrfRefused("Send the value of the CSRF cookie as the header `X-CSRF-Token`.")
        return standing.principal()

    async def _standing(self, token: str, source: str | None) -> Standing:
        at = self.clock()
        claims = (await self.tokens.proven(token, source)).at(at)
        standing = await self.sessions.standing(claims.session_id, at)
        if (standing.user.id, standing.session.organization_id) != (claims.user_id, claims.organization_id):
            raise InvalidToken("The access token is for another organisation than its session is in now. Refresh it.")
        return standing
