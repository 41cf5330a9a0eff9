"""Rotation on a real catalog and a real keyring file, cut short at each step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from headworks.bootstrap.rotation import Rotation
from headworks.bootstrap.rotation.rotation import RotationRunning
from headworks.catalog import commands
from headworks.catalog.adapters.sql import SqlCatalogs
from headworks.catalog.adapters.tables import METADATA as CATALOG_TABLES
from headworks.catalog.adapters.tables import SCHEMA, TRAIL
from headworks.catalog.adapters.vault import SealedVault
from headworks.catalog.facade import CatalogFacade
from headworks.catalog.settings import CatalogSettings
from headworks.identity.adapters.tables import SCHEMA as IDENTITY
from headworks.kernel.audit import Change
from headworks.kernel.database import EVERYTHING, Database, prepare_schema
from headworks.kernel.events import EventBus
from headworks.kernel.secrets import Keyring, Secret
from headworks.ledger.adapters.tables import SCHEMA as LEDGER
from headworks.limits.adapters.tables import SCHEMA as LIMITS
from headworks.usage.adapters.tables import SCHEMA as USAGE

ORGANIZATIONS = ("org_1", "org_2")


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Installation:
    """A catalog and its keyring, as one process has them."""

    path: Path
    database: Database

    def __post_init__(self) -> None:
        self.keyring = Keyring(self.path / "keyring")
        self.vault = SealedVault(self.keyring.sealer, {})
        self.catalogs = SqlCatalogs(self.database, EventBus())
        self.facade = CatalogFacade(self.catalogs, self.vault, CatalogSettings())
        self.rotation = Rotation(self.keyring, (self.facade,), self.facade.note)

    async def add(self, organization: str, name: str) -> None:
        wish = commands.NewProvider(name, f"https://{name}.example/v1", api_key=Secret(secret_of(organization, name)))
        async with self.catalogs.writing(organization) as store:
            await commands.create_provider(store, self.vault, wish, private_networks=False)

    async def readable(self) -> dict[str, str]:
        """What every credential says now."""
        found = {}
        for organization in ORGANIZATIONS:
            async with self.catalogs.reading(organization) as store:
                for provider in await store.providers():
                    secret = self.vault.open(provider)
                    found[f"{organization}/{provider.name}"] = secret.reveal() if secret else ""
        return found

    async def actions(self) -> list[str]:
        async with self.database.read(EVERYTHING) as connection:
            rows = await connection.execute(TRAIL.rows.select().order_by(TRAIL.rows.c.sequence))
            return [row.action for row in rows if row.resource_type == "keyring"]


def secret_of(organization: str, name: str) -> str:
    return f"sk-{organization}-{name}-canary-0123456789"


WHOLE = {f"{org}/{name}": secret_of(org, name) for org in ORGANIZATIONS for name in ("a", "b")}


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Installation]:
    prepare_schema(tmp_path / "catalog.sqlite3", SCHEMA)
    database = Database.sqlite(tmp_path / "catalog.sqlite3")
    made = Installation(tmp_path, database)
    for organization in ORGANIZATIONS:
        for name in ("a", "b"):
            await made.add(organization, name)
    yield made
    await database.close()


async def test_everything_is_sealed_anew_and_the_old_key_forgotten(installation: Installation) -> None:
    (old,) = installation.keyring.key_ids
    done = await installation.rotation.rotate()
    assert (done.resealed, done.resumed, done.dropped, done.remaining) == (4, False, (old,), 0)
    assert installation.keyring.key_ids == [done.key_id] != [old]
    assert await installation.readable() == WHOLE
    again = Installation(installation.path, installation.database)
    assert await again.readable() == WHOLE
    (use,) = await again.rotation.status()
    assert (use.id, use.is_current, use.is_missing, use.secrets) == (done.key_id, True, False, 4)
    assert await installation.actions() == [
        "keyring.rotation_begun",
        *("credentials.resealed", "credentials.resealed"),
        "keyring.rotated",
    ]
    for line in (installation.path / "keyring").read_text().splitlines():
        assert old not in line


async def test_without_credentials_there_is_only_a_new_key(tmp_path: Path) -> None:
    prepare_schema(tmp_path / "catalog.sqlite3", SCHEMA)
    database = Database.sqlite(tmp_path / "catalog.sqlite3")
    empty = Installation(tmp_path, database)
    (old,) = empty.keyring.key_ids
    done = await empty.rotation.rotate()
    assert (done.resealed, done.dropped) == (0, (old,))
    await database.close()


async def test_what_is_added_meanwhile_is_sealed_with_the_new_key(installation: Installation) -> None:
    done = await installation.rotation.rotate()
    await installation.add("org_2", "later")
    assert dict(await installation.facade.sealed_by()) == {done.key_id: 5}


@pytest.mark.parametrize("step", ["add", "first reseal", "drop"])
async def test_cut_short_anywhere_it_goes_on(
    installation: Installation, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (old,) = installation.keyring.key_ids
    resealed = commands.reseal_credentials
    calls = 0

    async def killed_after_the_first(*arguments: object) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Killed
        return await resealed(*arguments)  # type: ignore[arg-type]

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if step == "first reseal":
            patch.setattr(commands, "reseal_credentials", killed_after_the_first)
        elif step == "drop":
            patch.setattr(installation.keyring, "drop", killed)
        else:
            patch.setattr(installation.facade, "reseal", killed)
        with pytest.raises(Killed):
            await installation.rotation.rotate()

    restarted = Installation(installation.path, installation.database)
    assert len(restarted.keyring.key_ids) == 2
    assert await restarted.readable() == WHOLE
    newest = restarted.keyring.key_ids[-1]
    done = await restarted.rotation.rotate()
    # Where everything was sealed anew already, nothing was left to finish: that rotation is one of its own.
    assert done.resumed == (step != "drop")
    assert (done.key_id == newest) == done.resumed
    assert old in done.dropped
    assert restarted.keyring.key_ids == [done.key_id]
    assert await restarted.readable() == WHOLE


async def test_one_that_cannot_be_read_keeps_its_key_and_stops_nobody(installation: Installation) -> None:
    (old,) = installation.keyring.key_ids
    async with installation.catalogs.writing("org_1") as store:
        provider = (await store.providers())[0]
        moved = await store.provider_named("b")
        assert moved is not None
        assert provider.credential is not None
        # Another row's ciphertext, as a swap of rows would leave it: it does not open there.
        await store.change_provider(
            type(provider)(
                **{
                    **{name: getattr(moved, name) for name in moved.__slots__},
                    "credential": provider.credential,
                    "version": moved.version + 1,
                }
            )
        )
    done = await installation.rotation.rotate()
    assert (done.resealed, done.remaining, done.dropped) == (3, 1, ())
    assert installation.keyring.key_ids == [old, done.key_id]


async def test_a_missing_key_is_told(installation: Installation) -> None:
    (old,) = installation.keyring.key_ids
    (installation.path / "keyring").unlink()
    other = Installation(installation.path, installation.database)
    missing, current = await other.rotation.status()
    assert (missing.id, missing.is_missing, missing.secrets) == (old, True, 4)
    assert (current.is_current, current.secrets) == (True, 0)
    done = await other.rotation.rotate()
    assert (done.resumed, done.resealed, done.remaining) == (False, 0, 4)


async def test_two_at_once(installation: Installation) -> None:
    held, go = asyncio.Event(), asyncio.Event()
    note = installation.facade.note

    async def slowly(change: Change) -> None:
        held.set()
        await go.wait()
        await note(change)

    installation.rotation.note = slowly
    first = asyncio.create_task(installation.rotation.rotate())
    await held.wait()
    with pytest.raises(RotationRunning):
        await installation.rotation.rotate()
    go.set()
    assert (await first).resealed == 4


def test_the_key_that_seals_is_not_dropped(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "keyring")
    with pytest.raises(ValueError, match="not dropped"):
        keyring.drop(keyring.key_ids)
    assert (tmp_path / "keyring").stat().st_mode & 0o777 == 0o600
    keyring.add("next")
    assert keyring.sealer.current == "next"
    assert (tmp_path / "keyring").stat().st_mode & 0o777 == 0o600


def test_every_column_of_sealed_secrets_takes_part() -> None:
    """Who adds one must give `Rotation` the place that seals it anew: a key is dropped when no place says that it uses it."""
    tables: Mapping[str, MetaData] = {
        "identity": IDENTITY.metadata,
        "catalog": CATALOG_TABLES,
        "limits": LIMITS.metadata,
        "usage": USAGE.metadata,
        "ledger": LEDGER.metadata,
    }
    sealed = {
        f"{context}.{table.name}.{column.name}"
        for context, metadata in tables.items()
        for table in metadata.tables.values()
        for column in table.columns
        if "sealed" in column.name
    }
    assert sealed == {
        "catalog.catalog_audit_keys.sealed",
        "catalog.catalog_replies.sealed",
        "catalog.providers.credential_sealed",
        "identity.identity_audit_keys.sealed",
        "identity.identity_replies.sealed",
        "identity.keys.previous_sealed_secret",
        "identity.keys.sealed_secret",
        "limits.limits_audit_keys.sealed",
        "limits.limits_replies.sealed",
        "identity.second_factors.sealed_secret",
        "identity.signing_keys.sealed_private",
        "identity.sso_connections.sealed_secret",
        "ledger.ledger_audit_keys.sealed",
        "ledger.ledger_replies.sealed",
    }
