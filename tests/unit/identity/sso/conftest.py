"""Single sign-on over HTTP, between a store and a directory that plays false on real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from headworks.bootstrap.app import build_app
from headworks.identity.adapters.openid import HttpDirectories
from headworks.identity.adapters.sign_in.sql import SqlSignIn
from headworks.identity.adapters.sql import SqlStore
from headworks.identity.adapters.tables import SCHEMA
from headworks.identity.commands.signing import Signer
from headworks.identity.commands.sso.begin import BeginSso
from headworks.identity.commands.sso.connections import SsoChange, SsoOrder, add_connection, change_connection
from headworks.identity.commands.sso.finish import FinishSso
from headworks.identity.commands.sso.letting_in import LettingIn
from headworks.identity.commands.sso.secrets import ClientSecrets
from headworks.identity.contracts import Organization, SsoConnection
from headworks.identity.settings import SignInSettings, SsoSettings
from headworks.kernel.clock import now
from headworks.kernel.database import EVERYTHING, Database, prepare_schema
from headworks.kernel.events import EventBus
from headworks.kernel.outbound.fetch import Outbound
from headworks.kernel.permissions import MANAGEMENT
from headworks.kernel.principal import Principal
from headworks.kernel.secrets import Sealer, Secret
from tests.support.false_directory import CLIENT_ID, CLIENT_SECRET, FalseDirectory
from tests.support.sign_in import SetClock

ADMIN = Principal("usr_admin", "user", "org_1", None, MANAGEMENT)
HERE = {"x-forwarded-proto": "http", "x-forwarded-for": "127.0.0.1", "x-headworks-client-address": "127.0.0.1"}
START = "/api/v1/auth/sso/org_1/start"
CALLBACK = "/api/v1/auth/sso/callback"


@dataclass
class Ticking:
    """Seconds that pass when a test says so."""

    seconds: float = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Stage:
    """Everything, put together as bootstrap does."""

    database: Database
    directory: FalseDirectory
    settings: SsoSettings = field(default_factory=SsoSettings)
    clock: SetClock = field(default_factory=lambda: SetClock(now()))
    ticking: Ticking = field(default_factory=Ticking)
    seconds: float = 5.0

    def __post_init__(self) -> None:
        bus = EventBus()
        self.store = SqlStore(self.database, bus)
        self.sign_in = SqlSignIn(self.database, bus)
        sealer = Sealer({"kek": bytes(32)}, "kek")
        self.secrets = ClientSecrets(sealer, {})
        signer = Signer(self.sign_in, sealer, SignInSettings())
        letting_in = LettingIn(self.store, self.sign_in, signer, SignInSettings(), self.clock)
        directories = HttpDirectories(
            Outbound(seconds=self.seconds), self.ticking, private_networks=self.settings.private_networks
        )
        provisions: dict[type, object] = {
            BeginSso: BeginSso(self.store, self.sign_in, directories, self.clock),
            FinishSso: FinishSso(self.store, self.sign_in, directories, self.secrets, letting_in, self.clock),
            LettingIn: letting_in,
            SsoSettings: self.settings,
        }
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(build_app(provisions)), base_url="http://127.0.0.1:8080", headers=HERE
        )

    async def connect(self, **fields: Any) -> SsoConnection:  # noqa: ANN401 - of an order
        """The organisation, and its connection to the false directory."""
        async with self.store.operate() as unit:
            await unit.organizations.add(Organization("org_1", "Research", now()))
        order = {
            "name": "Directory",
            "issuer": self.directory.origin,
            "client_id": CLIENT_ID,
            "client_secret": Secret(CLIENT_SECRET),
            "allowed_domains": ["example.org"],
            "default_role": "viewer",
            "joins": True,
            **fields,
        }
        async with self.store.transaction("org_1") as unit:
            return await add_connection(unit, self.secrets, ADMIN, SsoOrder(**order), now(), private_networks=True)

    async def change(self, connection: SsoConnection, **fields: Any) -> None:  # noqa: ANN401 - of a change
        """Change the connection."""
        async with self.store.transaction("org_1") as unit:
            await change_connection(
                unit, self.secrets, ADMIN, connection.id, SsoChange(**fields), private_networks=True
            )

    async def begin(self, **query: str) -> httpx.QueryParams:
        """What the directory is asked."""
        answer = await self.http.get(START, params=query)
        assert answer.status_code == 303, answer.text
        return httpx.URL(answer.headers["location"]).params

    async def come_back(self, **query: str) -> httpx.Response:
        """What the browser hears that comes back."""
        return await self.http.get(CALLBACK, params=query)

    async def accounts(self) -> int:
        """How many users there are."""
        async with self.database.read(EVERYTHING) as connection:
            return len((await connection.exec_driver_sql("SELECT id FROM users")).all())

    async def trail(self) -> list[str]:
        """What was done, in order."""
        async with self.database.read(EVERYTHING) as connection:
            rows = await connection.exec_driver_sql("SELECT action FROM identity_audit_trail ORDER BY sequence")
            return [row[0] for row in rows]


@pytest.fixture
def directory() -> Iterator[FalseDirectory]:
    with FalseDirectory() as directory:
        yield directory


@pytest.fixture
async def stage(tmp_path: Path, directory: FalseDirectory) -> AsyncIterator[Stage]:
    prepare_schema(tmp_path / "identity.sqlite3", SCHEMA)
    stage = Stage(Database.sqlite(tmp_path / "identity.sqlite3"), directory)
    yield stage
    await stage.http.aclose()
    await stage.database.close()


def code_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal, as a program hears it."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["error"]["code"]
