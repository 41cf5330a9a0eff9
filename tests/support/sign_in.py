"""Sign-in on either store, with people to sign in, a clock to set, and a hasher that counts what it does."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import insert, update

from headworks.identity.adapters.sign_in.bcrypt import Bcrypt
from headworks.identity.adapters.sign_in.memory import MemorySignIn
from headworks.identity.adapters.sign_in.sql import SqlSignIn
from headworks.identity.adapters.tables import SCHEMA, memberships, organizations, users
from headworks.identity.commands.passwords import Passwords
from headworks.identity.commands.refresh import Refresh
from headworks.identity.commands.second_factor import SecondFactors
from headworks.identity.commands.sessions import Client
from headworks.identity.commands.sign_in import SignIn, Wish
from headworks.identity.commands.signing import Signer
from headworks.identity.contracts import Membership, PasswordSet, SessionEnded, StoredPassword, User, UserChanged
from headworks.identity.queries.access import Authentication, Sessions
from headworks.identity.queries.tokens import PublicKeys, Tokens
from headworks.identity.settings import SignInSettings
from headworks.kernel.database import EVERYTHING, Database, prepare_schema
from headworks.kernel.errors import Unauthenticated
from headworks.kernel.events import EventBus
from headworks.kernel.secrets import Sealer, Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.identity.commands.sessions import Granted
    from headworks.identity.contracts import Carriage, Role
    from headworks.kernel.principal import Principal

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"
HOME = Client("192.0.2.1", "test/1")


@dataclass
class SetClock:
    """What time it is, until somebody moves it."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **period: float) -> datetime:
        """Later."""
        self.at += timedelta(**period)
        return self.at


@dataclass
class CountingHasher:
    """bcrypt at its lowest cost, and how often it was asked."""

    inner: Bcrypt = field(default_factory=lambda: Bcrypt(4))
    hashed: int = 0
    verified: int = 0

    async def hash(self, password: Secret) -> str:
        """Count, and hash."""
        self.hashed += 1
        return await self.inner.hash(password)

    async def verify(self, password: Secret, stored: str | None) -> bool:
        """Count, and compare."""
        self.verified += 1
        return await self.inner.verify(password, stored)

    def is_outdated(self, stored: str) -> bool:
        """As bcrypt says."""
        return self.inner.is_outdated(stored)


class Ground:
    """A store and who is in it. Organisations and users are put there as people's own use cases would."""

    def __init__(self, store: SqlSignIn | MemorySignIn, database: Database | None, bus: EventBus) -> None:
        self.store = store
        self.bus = bus
        self._database = database

    async def organization(self, organization_id: str, *, active: bool = True) -> None:
        """Make one, or disable it."""
        if isinstance(self.store, MemorySignIn):
            self.store.tables.organizations[organization_id] = active
            return
        state = "active" if active else "disabled"
        values = {"id": organization_id, "name": organization_id, "created_at": NOON, "state": state}
        async with self._sql() as connection:
            done = await connection.execute(
                update(organizations).where(organizations.c.id == organization_id).values(state=state)
            )
            if not done.rowcount:
                await connection.execute(insert(organizations).values(values))

    async def user(self, user: User) -> None:
        """Make one, or change it."""
        if isinstance(self.store, MemorySignIn):
            self.store.tables.users[user.id] = user
            return
        values = {name: getattr(user, name) for name in User.__slots__}
        async with self._sql() as connection:
            done = await connection.execute(update(users).where(users.c.id == user.id).values(values))
            if not done.rowcount:
                await connection.execute(insert(users).values(values))

    async def member(self, user_id: str, organization_id: str, role: Role, at: datetime = NOON) -> None:
        """Let somebody belong somewhere."""
        one = Membership(f"mbr_{user_id}_{organization_id}", organization_id, user_id, role, at, "system")
        if isinstance(self.store, MemorySignIn):
            self.store.tables.memberships[one.id] = one
            return
        async with self._sql() as connection:
            await connection.execute(
                insert(memberships).values({name: getattr(one, name) for name in Membership.__slots__})
            )

    def _sql(self) -> AbstractAsyncContextManager[AsyncConnection]:
        assert self._database is not None
        return self._database.transaction(EVERYTHING)


@asynccontextmanager
async def ground(kind: str, folder: Path) -> AsyncIterator[Ground]:
    """A `sql` or a `memory` store."""
    if kind == "sql":
        prepare_schema(folder / "identity.sqlite3", SCHEMA)
    async with ground_on(None if kind == "memory" else Database.sqlite(folder / "identity.sqlite3")) as made:
        yield made


@asynccontextmanager
async def ground_on(database: Database | None) -> AsyncIterator[Ground]:
    """A store in `database`, which is closed at the end; in memory where there is none."""
    bus = EventBus()
    if database is None:
        yield Ground(MemorySignIn(bus), None, bus)
        return
    yield Ground(SqlSignIn(database, bus), database, bus)
    await database.close()


class World:
    """Everything of sign-in, put together as bootstrap does, with Ada and Bob in it."""

    def __init__(self, ground: Ground, settings: SignInSettings | None = None) -> None:
        self.ground = ground
        self.store = ground.store
        self.clock = SetClock()
        self.hasher = CountingHasher()
        self.settings = settings or SignInSettings()
        self.sealer = Sealer({"kek": bytes(32)}, "kek")
        self.signer = Signer(self.store, self.sealer, self.settings)
        self.sign_in = SignIn(self.store, self.hasher, self.signer, self.sealer, self.settings, self.clock)
        self.refresh = Refresh(self.store, self.signer, self.sealer, self.settings, self.clock)
        self.passwords = Passwords(self.store, self.hasher, self.clock)
        self.second_factors = SecondFactors(self.store, self.hasher, self.sealer, self.clock)
        self.sessions = Sessions(self.store, self.settings.idle)
        self.public_keys = PublicKeys(self.store)
        self.tokens = Tokens(self.public_keys, self.settings.issuer)
        self.door = Authentication(_no_keys, _no_keys, self.tokens, self.sessions, self.clock)
        ground.bus.subscribe(SessionEnded, lambda event: self.sessions.forget_session(event.session_id))
        ground.bus.subscribe(PasswordSet, lambda event: self.sessions.forget_user(event.user_id))
        ground.bus.subscribe(UserChanged, lambda event: self.sessions.forget_user(event.user_id))

    async def people(self) -> None:
        """Ada, an admin of org_1 and a viewer of org_2; Bob, who has no password; Eve, the operator."""
        await self.ground.organization("org_1")
        await self.ground.organization("org_2")
        await self.ground.organization("org_3")
        for name, operator in (("ada", False), ("bob", False), ("eve", True)):
            email = f"{name}@example.org"
            await self.ground.user(User(f"usr_{name}", email, email, name, NOON, "system", is_operator=operator))
        await self.ground.member("usr_ada", "org_1", "admin")
        await self.ground.member("usr_ada", "org_2", "viewer", NOON + timedelta(seconds=1))
        password_hash = await self.hasher.hash(Secret(PASSWORD))
        async with self.store.transaction() as unit:
            for user_id in ("usr_ada", "usr_eve"):
                await unit.put_password(user_id, StoredPassword(password_hash, NOON))
        self.hasher.hashed = 0

    async def enter(
        self,
        name: str = "ada",
        password: str = PASSWORD,
        client: Client = HOME,
        *,
        code: str | None = None,
        recovery_code: str | None = None,
        organization_id: str | None = None,
        carriage: Carriage = "bearer",
    ) -> Granted:
        """Sign in."""
        wish = Wish(f"{name}@example.org", Secret(password), code, recovery_code, organization_id, carriage)
        return await self.sign_in(wish, client)

    async def who(self, granted: Granted) -> Principal:
        """Who the access token says is calling."""
        return await self.door.authenticate(granted.access_token.reveal(), None)


async def _no_keys(_token: str, _source: str | None) -> Principal:
    raise Unauthenticated("no keys here")
