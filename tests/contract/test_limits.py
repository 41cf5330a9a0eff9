"""The contract of `limits.ports.LimitStore`, held by every adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headworks.kernel.errors import Stale
from headworks.limits.adapters.memory import MemoryLimits
from headworks.limits.adapters.sql import SqlLimits
from headworks.limits.adapters.tables import SCHEMA
from headworks.limits.contracts import Limit, LimitsChanged
from headworks.limits.domain import audited
from headworks.limits.errors import LimitExists
from headworks.limits.ports import LimitStore
from tests.contract.conftest import Announced
from tests.support.databases import Databases, Place
from tests.support.events import Overheard

NOON = datetime(2026, 1, 2, 12, 0, 0, 7, tzinfo=UTC)
LIMIT = Limit("lim_1", "org_1", "key", "key_1", "requests", "minute", 60, NOON, NOON)
AT_ONCE = replace(LIMIT, id="lim_2", unit="concurrent", window=None, amount=3, created_at=NOON + timedelta(seconds=1))


@pytest.fixture
def place(engine: str, databases: Databases, tmp_path: Path) -> Place | None:
    return None if engine == "memory" else databases.empty(engine, SCHEMA, tmp_path)


@pytest.fixture
async def store(place: Place | None, announced: Announced) -> AsyncIterator[LimitStore]:
    if place is None:
        yield MemoryLimits(announced.events.append)
        return
    database = place.open()
    yield SqlLimits(database, Overheard(announced.events))
    await database.close()


async def add(store: LimitStore, *limits: Limit) -> None:
    async with store.writing("org_1") as writer:
        for limit in limits:
            await writer.add(limit)


async def kept(store: LimitStore, organization_id: str = "org_1") -> list[Limit]:
    async with store.reading(organization_id) as reader:
        return await reader.limits()


async def test_limits_come_back_as_they_were_the_oldest_first(store: LimitStore) -> None:
    large = replace(LIMIT, id="lim_3", unit="tokens", amount=2**53, scope="model", scope_id="m" * 256)
    await add(store, AT_ONCE, large, LIMIT)
    assert await kept(store) == [LIMIT, large, AT_ONCE]
    async with store.reading("org_1") as reader:
        assert await reader.limit("lim_2") == AT_ONCE
        assert await reader.limit("lim_9") is None


async def test_a_scope_has_one_of_each_kind(store: LimitStore) -> None:
    await add(store, LIMIT, AT_ONCE, replace(LIMIT, id="lim_3", window="hour"))
    for other in (replace(LIMIT, id="lim_4", amount=7), replace(AT_ONCE, id="lim_4", amount=7)):
        with pytest.raises(LimitExists, match="change that one"):
            await add(store, other)
    assert len(await kept(store)) == 3


async def test_another_organization_sees_and_changes_none(store: LimitStore) -> None:
    await add(store, LIMIT)
    async with store.writing("org_2") as writer:
        assert await writer.limits() == []
        assert await writer.limit(LIMIT.id) is None
        await writer.remove(LIMIT.id)
        with pytest.raises(Stale):
            await writer.replace(replace(LIMIT, organization_id="org_2", version=2))
    assert await kept(store) == [LIMIT]
    async with store.writing("org_2") as writer:
        await writer.add(replace(LIMIT, id="lim_5", organization_id="org_2"))
    assert len(await kept(store, "org_2")) == 1


async def test_the_slower_editor_is_told(store: LimitStore) -> None:
    await add(store, LIMIT)
    changed = replace(LIMIT, amount=5, version=2)
    async with store.writing("org_1") as writer:
        await writer.replace(changed)
    with pytest.raises(Stale):
        async with store.writing("org_1") as writer:
            await writer.replace(replace(LIMIT, amount=6, version=2))
    assert await kept(store) == [changed]


async def test_each_change_moves_the_revision_and_is_told_once(store: LimitStore, announced: Announced) -> None:
    assert await store.revision("org_1") == 0
    await add(store, LIMIT, AT_ONCE)
    async with store.writing("org_1") as writer:
        await writer.limits()
    async with store.writing("org_1") as writer:
        await writer.remove(AT_ONCE.id)
    assert await store.revision("org_1") == 2
    assert await store.revision("org_2") == 0
    async with store.reading("org_1") as reader:
        assert await reader.revision() == 2
    assert announced.events == [LimitsChanged("org_1"), LimitsChanged("org_1")]
    assert await kept(store) == [LIMIT]


async def test_what_fails_leaves_nothing(store: LimitStore, announced: Announced) -> None:
    with pytest.raises(ZeroDivisionError):
        async with store.writing("org_1") as writer:
            await writer.add(LIMIT)
            writer.audit(audited("created", None, LIMIT))
            raise ZeroDivisionError
    assert (await kept(store), await store.revision("org_1"), announced.events) == ([], 0, [])
