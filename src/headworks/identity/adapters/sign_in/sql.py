"""Sign-in in a relational database: the same one that identity's other tables are in."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from headworks.identity.adapters.sign_in.reading import SqlSignInReading
from headworks.identity.adapters.sign_in.rows import columns
from headworks.identity.adapters.sign_in_tables import (
    attempts,
    passwords,
    recovery_codes,
    refresh_tokens,
    second_factors,
    sessions,
    signing_keys,
)
from headworks.identity.adapters.tables import ANNOUNCEMENTS, TRAIL
from headworks.identity.adapters.telling import Telling
from headworks.identity.contracts import Session
from headworks.identity.domain.throttle import Tries
from headworks.kernel.database import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.identity.contracts import EndReason, SecondFactor, StoredPassword
    from headworks.identity.domain.sessions import RefreshToken
    from headworks.identity.domain.signing import StoredSigningKey
    from headworks.kernel.database import Database, SqlTrailKeys
    from headworks.kernel.events import EventBus


class SqlSignInUnit(SqlSignInReading):
    """See `ports.SignInUnit`."""

    def __init__(self, connection: AsyncConnection, telling: Telling) -> None:
        super().__init__(connection)
        self.publish = telling.publish
        self.audit = telling.audit

    async def put_password(self, user_id: str, password: StoredPassword) -> None:
        """See `ports.SignInUnit`."""
        await self._put(passwords, {"user_id": user_id}, columns(password))

    async def put_second_factor(self, user_id: str, factor: SecondFactor) -> None:
        """See `ports.SignInUnit`."""
        await self._put(second_factors, {"user_id": user_id}, columns(factor))

    async def use_step(self, user_id: str, step: int) -> bool:
        """See `ports.SignInUnit`."""
        unused = second_factors.c.user_id == user_id, second_factors.c.last_step < step
        return await self._changed(update(second_factors).where(*unused).values(last_step=step))

    async def remove_second_factor(self, user_id: str) -> None:
        """See `ports.SignInUnit`."""
        await self._connection.execute(delete(second_factors).where(second_factors.c.user_id == user_id))
        await self._connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))

    async def put_recovery_codes(self, user_id: str, hashes: list[str]) -> None:
        """See `ports.SignInUnit`."""
        await self._connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
        rows = [{"user_id": user_id, "code_hash": code_hash} for code_hash in hashes]
        await self._connection.execute(insert(recovery_codes), rows)

    async def use_recovery_code(self, user_id: str, code_hash: str, at: datetime) -> bool:
        """See `ports.SignInUnit`."""
        unused = (
            recovery_codes.c.user_id == user_id,
            recovery_codes.c.code_hash == code_hash,
            recovery_codes.c.used_at.is_(None),
        )
        return await self._changed(update(recovery_codes).where(*unused).values(used_at=at))

    async def lock_session(self, session_id: str) -> Session | None:
        """See `ports.SignInUnit`."""
        return await self._one(Session, select(sessions).where(sessions.c.id == session_id).with_for_update())

    async def add_session(self, session: Session) -> None:
        """See `ports.SignInUnit`."""
        await self._connection.execute(insert(sessions).values(columns(session)))

    async def replace_session(self, session: Session) -> None:
        """See `ports.SignInUnit`."""
        await self._connection.execute(update(sessions).where(sessions.c.id == session.id).values(columns(session)))

    async def end_sessions(
        self,
        user_id: str,
        reason: EndReason,
        at: datetime,
        *,
        keep: str | None = None,
        within: str | None = None,
    ) -> list[str]:
        """See `ports.SignInUnit`."""
        wanted = select(sessions.c.id).where(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None))
        if within is not None:
            wanted = wanted.where(sessions.c.organization_id == within)
        found = await self._connection.scalars(wanted.order_by(sessions.c.id))
        ids = [str(session_id) for session_id in found if session_id != keep]
        await self._connection.execute(
            update(sessions).where(sessions.c.id.in_(ids)).values(ended_at=at, end_reason=reason)
        )
        return ids

    async def add_refresh_token(self, token: RefreshToken) -> None:
        """See `ports.SignInUnit`."""
        await self._connection.execute(insert(refresh_tokens).values(columns(token)))

    async def replace_refresh_token(self, token: RefreshToken) -> None:
        """See `ports.SignInUnit`."""
        this = refresh_tokens.c.token_hash == token.token_hash
        await self._connection.execute(update(refresh_tokens).where(this).values(columns(token)))

    async def forget_successors(self, session_id: str, before_generation: int) -> None:
        """See `ports.SignInUnit`."""
        old = (
            refresh_tokens.c.session_id == session_id,
            refresh_tokens.c.generation < before_generation,
            refresh_tokens.c.successor != "",
        )
        await self._connection.execute(update(refresh_tokens).where(*old).values(successor=""))

    async def add_signing_key(self, key: StoredSigningKey) -> None:
        """See `ports.SignInUnit`."""
        await self._connection.execute(insert(signing_keys).values(columns(key)))

    async def remove_signing_keys(self, ids: list[str]) -> None:
        """See `ports.SignInUnit`."""
        await self._connection.execute(delete(signing_keys).where(signing_keys.c.id.in_(ids)))

    async def lock_tries(self, key: str) -> Tries | None:
        """See `ports.SignInUnit`."""
        return await self._one(Tries, select(attempts).where(attempts.c.key == key).with_for_update())

    async def put_tries(self, tries: Tries) -> None:
        """See `ports.SignInUnit`."""
        values = columns(tries)
        await self._put(attempts, {"key": values.pop("key")}, values)

    async def remove_tries(self, key: str) -> None:
        """See `ports.SignInUnit`."""
        await self._connection.execute(delete(attempts).where(attempts.c.key == key))

    async def purge(self, tries_before: datetime, sessions_before: datetime) -> None:
        """See `ports.SignInUnit`."""
        await self._connection.execute(delete(attempts).where(attempts.c.forget_at <= tries_before))
        over = select(sessions.c.id).where(sessions.c.expires_at <= sessions_before)
        await self._connection.execute(delete(refresh_tokens).where(refresh_tokens.c.session_id.in_(over)))
        await self._connection.execute(delete(sessions).where(sessions.c.expires_at <= sessions_before))

    async def _put(self, table: Table, key: dict[str, object], values: dict[str, Any]) -> None:
        """Insert or overwrite, in a way that every database has."""
        ((name, value),) = key.items()
        change = update(table).where(table.c[name] == value).values(values)
        if await self._changed(change):
            return
        try:
            async with self._connection.begin_nested():
                await self._connection.execute(insert(table).values(key | values))
        except IntegrityError:
            # Another transaction was first to insert it.
            await self._connection.execute(change)

    async def _changed(self, change: Any) -> bool:  # noqa: ANN401 - an update, whatever its table
        return bool((await self._connection.execute(change)).rowcount)


class SqlSignIn:
    """`ports.SignInStore` on the database of identity."""

    def __init__(self, database: Database, bus: EventBus, trail_keys: SqlTrailKeys | None = None) -> None:
        """`trail_keys` sign the audit trail; None leaves it unsigned."""
        self._database = database
        self._bus = bus
        self._trail_keys = trail_keys

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlSignInUnit]:
        """See `ports.SignInStore`."""
        with self._bus.after() as told:
            async with self._database.transaction(EVERYTHING) as connection:
                telling = Telling(told)
                yield SqlSignInUnit(connection, telling)
                await TRAIL.append(connection, telling.changes, self._trail_keys)
                await ANNOUNCEMENTS.append(connection, told)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqlSignInReading]:
        """See `ports.SignInStore`. All of it is found by the key of one user."""
        async with self._database.look_up(EVERYTHING) as connection:
            yield SqlSignInReading(connection)
