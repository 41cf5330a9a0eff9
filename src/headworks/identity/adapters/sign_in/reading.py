"""Look-ups of sign-in on one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from headworks.identity.adapters.sign_in.rows import read
from headworks.identity.adapters.sign_in_tables import (
    passwords,
    recovery_codes,
    refresh_tokens,
    second_factors,
    sessions,
    signing_keys,
)
from headworks.identity.adapters.tables import memberships, organizations, users
from headworks.identity.contracts import Membership, SecondFactor, Session, StoredPassword, User
from headworks.identity.domain.sessions import RefreshToken
from headworks.kernel.pagination import Page

if TYPE_CHECKING:
    from datetime import datetime
    from typing import TypeVar

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.identity.domain.signing import StoredSigningKey
    from headworks.kernel.pagination import PageRequest

    T = TypeVar("T")


class SqlSignInReading:
    """See `ports.SignInReading`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def user(self, user_id: str) -> User | None:
        """See `ports.SignInReading`."""
        return await self._one(User, select(users).where(users.c.id == user_id))

    async def user_by_email(self, email_key: str) -> User | None:
        """See `ports.SignInReading`."""
        return await self._one(User, select(users).where(users.c.email_key == email_key))

    async def first_operator(self) -> User | None:
        """See `ports.SignInReading`."""
        made_here = users.c.is_operator, users.c.created_by == "system", users.c.state == "active"
        return await self._one(User, select(users).where(*made_here).order_by(users.c.created_at, users.c.id).limit(1))

    async def memberships(self, user_id: str) -> list[Membership]:
        """See `ports.SignInReading`."""
        return await self._memberships(user_id, organizations.c.state == "active")

    async def every_membership(self, user_id: str) -> list[Membership]:
        """See `ports.SignInReading`."""
        return await self._memberships(user_id)

    async def organization_to_operate(self, organization_id: str | None) -> str | None:
        """See `ports.SignInReading`."""
        wanted = select(organizations.c.id).where(organizations.c.state == "active")
        if organization_id is not None:
            wanted = wanted.where(organizations.c.id == organization_id)
        oldest = wanted.order_by(organizations.c.created_at, organizations.c.id).limit(1)
        found = await self._connection.scalar(oldest)
        return None if found is None else str(found)

    async def password(self, user_id: str) -> StoredPassword | None:
        """See `ports.SignInReading`."""
        return await self._one(StoredPassword, select(passwords).where(passwords.c.user_id == user_id))

    async def second_factor(self, user_id: str) -> SecondFactor | None:
        """See `ports.SignInReading`."""
        return await self._one(SecondFactor, select(second_factors).where(second_factors.c.user_id == user_id))

    async def recovery_codes_left(self, user_id: str) -> int:
        """See `ports.SignInReading`."""
        left = select(func.count()).where(recovery_codes.c.user_id == user_id, recovery_codes.c.used_at.is_(None))
        return int(await self._connection.scalar(left) or 0)

    async def session(self, session_id: str) -> Session | None:
        """See `ports.SignInReading`."""
        return await self._one(Session, select(sessions).where(sessions.c.id == session_id))

    async def sessions(
        self, user_id: str, alive_at: datetime, seen_after: datetime, page: PageRequest, *, within: str | None = None
    ) -> Page[Session]:
        """See `ports.SignInReading`."""
        wanted = select(sessions).where(
            sessions.c.user_id == user_id,
            sessions.c.ended_at.is_(None),
            sessions.c.expires_at > alive_at,
            sessions.c.last_seen_at > seen_after,
        )
        if within is not None:
            wanted = wanted.where(sessions.c.organization_id == within)
        total = await self._connection.scalar(select(func.count()).select_from(wanted.subquery()))
        rows = await self._connection.execute(
            wanted.order_by(sessions.c.id.desc()).limit(page.per_page).offset(page.offset)
        )
        return Page([read(Session, row) for row in rows], int(total or 0), page)

    async def refresh_token(self, token_hash: str) -> RefreshToken | None:
        """See `ports.SignInReading`."""
        return await self._one(RefreshToken, select(refresh_tokens).where(refresh_tokens.c.token_hash == token_hash))

    async def signing_keys(self) -> list[StoredSigningKey]:
        """See `ports.SignInReading`."""
        from headworks.identity.domain.signing import (  # noqa: PLC0415 - PyJWT and more, which no start waits for
            StoredSigningKey,
        )

        wanted = select(signing_keys).order_by(signing_keys.c.created_at.desc(), signing_keys.c.id.desc())
        return [read(StoredSigningKey, row) for row in await self._connection.execute(wanted)]

    async def _memberships(self, user_id: str, *more: ColumnElement[bool]) -> list[Membership]:
        wanted = (
            select(memberships)
            .join(organizations, organizations.c.id == memberships.c.organization_id)
            .where(memberships.c.user_id == user_id, *more)
            .order_by(memberships.c.created_at, memberships.c.id)
        )
        return [read(Membership, row) for row in await self._connection.execute(wanted)]

    async def _one(self, kind: type[T], wanted: Select[Any]) -> T | None:
        row = (await self._connection.execute(wanted)).first()
        return None if row is None else read(kind, row)
