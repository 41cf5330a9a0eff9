"""Sessions begin, go on and end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.identity.contracts import Session, SessionEnded
from headworks.identity.domain.sessions import REFRESH_PREFIX, RefreshToken, hash_token, is_alive, random_token
from headworks.identity.errors import NotYourOrganization, SessionNotFound
from headworks.kernel.audit import Change
from headworks.kernel.ids import new_id
from headworks.kernel.origin import acting
from headworks.kernel.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from headworks.identity.contracts import Carriage, EndReason, Membership, User
    from headworks.identity.ports import SignInReading, SignInUnit
    from headworks.identity.settings import SignInSettings
    from headworks.kernel.secrets import Secret

_AGENT_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Client:
    """Who sends a request, as far as the connection says."""

    source: str
    user_agent: str

    @property
    def shown_agent(self) -> str:
        """Short, and without what would steer a terminal."""
        return "".join(one for one in self.user_agent if one.isprintable())[:_AGENT_LENGTH]


@dataclass(frozen=True, slots=True)
class Granted:
    """What somebody gets who signed in or went on. `refresh_token` is None where the old one stays."""

    session: Session
    user: User
    must_change_password: bool
    access_token: Secret
    access_expires_at: datetime
    refresh_token: Secret | None = None
    csrf_token: Secret | None = None
    """Only for a browser, and only when the session begins."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that is stored, and its secrets, which are not."""

    session: Session
    refresh: Secret
    csrf: Secret | None


async def choose_organization(reading: SignInReading, user: User, wanted: str | None) -> str:
    """Where `user` acts: where they want to, or the oldest they belong to; empty where there is none.

    Raises NotYourOrganization, the same for one that does not exist.
    """
    memberships: Sequence[Membership] = await reading.memberships(user.id)
    own = [one.organization_id for one in memberships if wanted in (None, one.organization_id)]
    if own:
        return own[0]
    found = await reading.organization_to_operate(wanted) if user.is_operator else None
    if found is None and wanted is not None:
        raise NotYourOrganization(f"You do not belong to an organisation {wanted!r}; GET /api/v1/me lists yours.")
    return found or ""


async def begin_session(
    unit: SignInUnit,
    user: User,
    organization_id: str,
    carriage: Carriage,
    client: Client,
    limits: Limits,
    *,
    connection_id: str | None = None,
) -> Begun:
    """A new session with its first refresh token, and the CSRF token of a browser's.

    `connection_id` is the connection of single sign-on that it begins by.
    """
    csrf = random_token() if carriage == "cookie" else None
    session = Session(
        id=new_id("ses"),
        user_id=user.id,
        organization_id=organization_id,
        carriage=carriage,
        created_at=limits.at,
        last_seen_at=limits.at,
        expires_at=limits.at + limits.settings.absolute,
        source=client.source,
        user_agent=client.shown_agent,
        csrf_hash=hash_token(csrf.reveal()) if csrf is not None else "",
        connection_id=connection_id,
    )
    refresh = random_token(REFRESH_PREFIX)
    # The door did not know them yet: the trail says from here on that it was they.
    acting(Principal(user.id, "user", organization_id, "", frozenset()))
    await unit.add_session(session)
    await unit.add_refresh_token(limits.refresh_token(session, refresh))
    unit.audit(Change("session.started", "session", session.id, None, described(session)))
    return Begun(session, refresh, csrf)


async def end_session(unit: SignInUnit, session: Session, reason: EndReason, at: datetime) -> None:
    """For good: its tokens are worth nothing from here on."""
    ended = replace(session, ended_at=at, end_reason=reason)
    await unit.replace_session(ended)
    unit.audit(Change("session.ended", "session", session.id, described(session), described(ended)))
    unit.publish(SessionEnded(session.id))


async def reach_of(reading: SignInReading, session_id: str) -> str | None:
    """The organisation that one sees no further than who signed in by its directory; None for who proved it themselves."""
    session = await reading.session(session_id)
    return None if session is None or session.connection_id is None else session.organization_id


async def revoke_session(
    unit: SignInUnit,
    user_id: str,
    session_id: str,
    limits: Limits,
    reason: EndReason = "revoked",
    *,
    within: str | None = None,
) -> None:
    """End one of a user's sessions, `within` an organisation. Raises SessionNotFound, the same for anybody else's."""
    session = await unit.lock_session(session_id)
    is_out_of_reach = session is not None and within not in (None, session.organization_id)
    if (
        session is None
        or is_out_of_reach
        or session.user_id != user_id
        or not is_alive(session, limits.settings.idle, limits.at)
    ):
        raise SessionNotFound(f"You have no session {session_id!r}; list them with GET /api/v1/sessions.")
    await end_session(unit, session, reason, limits.at)


async def revoke_others(
    unit: SignInUnit,
    user_id: str,
    keep: str | None,
    at: datetime,
    reason: EndReason = "revoked",
    *,
    within: str | None = None,
) -> None:
    """End all of a user's sessions but the one that is kept; `within` an organisation where one is named."""
    for session_id in await unit.end_sessions(user_id, reason, at, keep=keep, within=within):
        unit.audit(Change("session.ended", "session", session_id, None, {"user_id": user_id, "end_reason": reason}))
        unit.publish(SessionEnded(session_id))


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things live, from one moment on."""

    settings: SignInSettings
    at: datetime

    def refresh_token(self, session: Session, token: Secret) -> RefreshToken:
        """The link of the chain that `token` is, for the session's newest generation."""
        expires_at = min(self.at + self.settings.idle, session.expires_at)
        return RefreshToken(hash_token(token.reveal()), session.id, session.generation, expires_at)


def described(session: Session) -> dict[str, object]:
    """As the audit trail keeps it."""
    return {
        "user_id": session.user_id,
        "organization_id": session.organization_id,
        "carriage": session.carriage,
        "connection_id": session.connection_id,
        "source": session.source,
        "end_reason": session.end_reason,
    }
