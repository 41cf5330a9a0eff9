"""The contract of `kernel.idempotency.Replies`, held by every adapter."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headworks.identity.adapters.tables import replies as identity_replies
from headworks.kernel.database import EVERYTHING, Database, Schema, new_metadata, prepare_schema
from headworks.kernel.database.replies import AllReplies, SqlReplies, replies_table
from headworks.kernel.idempotency import AnswerLost, Asked, InProgress, Kept, Pending, Replies, Reply, on_its_way
from headworks.kernel.memory_replies import MemoryReplies
from headworks.kernel.secrets import Sealer
from tests.support.databases import Place

METADATA = new_metadata()
TABLE = replies_table("identity", METADATA)
ASKED = Asked("c" * 64, "k" * 64, "f" * 64)
REPLY = Reply(201, '{"data": {"key": "hw_sk_canary"}}', {"etag": '"1"', "location": "/things/1"})
MOST = 3


@dataclass
class Kitchen:
    """Replies, the end of a transaction, and the hands of the clock."""

    replies: Replies
    commit: Callable[[], Awaitable[None]]
    at: datetime = datetime(2026, 1, 2, 12, tzinfo=UTC)

    async def keep(self, asked: Asked = ASKED, reply: Reply = REPLY) -> Pending:
        pending = Pending(asked, reply, answered=True)
        with on_its_way(pending):
            await self.commit()
        return pending


@pytest.fixture
async def kitchen(identity_place: Place | None) -> AsyncIterator[Kitchen]:
    made: Kitchen
    if identity_place is None:
        memory = MemoryReplies(lambda: made.at, MOST)

        async def commit() -> None:
            memory.keep()

        made = Kitchen(memory, commit)
        yield made
        return
    database = identity_place.open()
    sealer = Sealer({"k": os.urandom(32)}, "k")
    sql = SqlReplies(database, identity_replies, sealer, lambda: made.at, MOST)

    async def commit_rows() -> None:
        async with database.transaction(EVERYTHING):
            pass

    made = Kitchen(sql, commit_rows)
    yield made
    await database.close()


async def test_what_was_kept_comes_back(kitchen: Kitchen) -> None:
    assert await kitchen.replies.recall(ASKED) is None
    assert (await kitchen.keep()).kept
    assert await kitchen.replies.recall(ASKED) == Kept(ASKED.fingerprint, REPLY)
    assert await kitchen.replies.recall(replace(ASKED, fingerprint="0" * 64)) == Kept(ASKED.fingerprint, REPLY)


async def test_callers_and_keys_are_apart(kitchen: Kitchen) -> None:
    await kitchen.keep()
    assert await kitchen.replies.recall(replace(ASKED, caller="d" * 64)) is None
    assert await kitchen.replies.recall(replace(ASKED, key="d" * 64)) is None


async def test_after_a_day_it_is_forgotten(kitchen: Kitchen) -> None:
    await kitchen.keep()
    kitchen.at += timedelta(hours=24) - timedelta(microseconds=1)
    assert await kitchen.replies.recall(ASKED) is not None
    kitchen.at += timedelta(microseconds=1)
    assert await kitchen.replies.recall(ASKED) is None
    assert (await kitchen.keep(reply=replace(REPLY, status=200))).kept
    kept = await kitchen.replies.recall(ASKED)
    assert kept is not None
    assert kept.reply.status == 200


async def test_the_oldest_of_a_caller_make_room(kitchen: Kitchen) -> None:
    other = replace(ASKED, caller="d" * 64)
    await kitchen.keep(other)
    each = [replace(ASKED, key=f"{number:064x}") for number in range(MOST + 2)]
    for asked in each:
        kitchen.at += timedelta(seconds=1)
        await kitchen.keep(asked)
    found = [await kitchen.replies.recall(asked) is not None for asked in each]
    assert found == [False, False, True, True, True]
    assert await kitchen.replies.recall(other) is not None


async def test_a_request_without_a_key_leaves_nothing(kitchen: Kitchen) -> None:
    pending = Pending(None, answered=True)
    with on_its_way(pending):
        await kitchen.commit()
    await kitchen.commit()
    assert not pending.kept


async def test_an_answer_is_due_before_the_commit(kitchen: Kitchen) -> None:
    for asked in (ASKED, None):
        with on_its_way(Pending(asked)), pytest.raises(LookupError):
            await kitchen.commit()


async def test_all_of_them_are_asked(kitchen: Kitchen) -> None:
    empty = MemoryReplies(lambda: kitchen.at)
    both = AllReplies([empty, kitchen.replies])
    assert await both.recall(ASKED) is None
    await kitchen.keep()
    assert await both.recall(ASKED) is not None


async def test_of_two_processes_one_wins(identity_place: Place | None) -> None:
    if identity_place is None:
        pytest.skip("a store in memory has one process")
    sealer = Sealer({"k": os.urandom(32)}, "k")
    first, second = identity_place.open(), identity_place.open()
    for database in (first, second):
        SqlReplies(database, identity_replies, sealer, lambda: datetime(2026, 1, 2, tzinfo=UTC))
    with on_its_way(Pending(ASKED, REPLY, answered=True)):
        async with first.transaction(EVERYTHING):
            pass
    with on_its_way(Pending(ASKED, REPLY, answered=True)), pytest.raises(InProgress):
        async with second.transaction(EVERYTHING):
            pass
    await first.close()
    await second.close()


async def test_it_lies_sealed_and_opens_nowhere_else(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    prepare_schema(path, Schema("identity", METADATA, head="x"))
    database = Database.sqlite(path)
    replies = SqlReplies(database, TABLE, Sealer({"k": os.urandom(32)}, "k"), lambda: datetime(2026, 1, 2, tzinfo=UTC))
    with on_its_way(Pending(ASKED, REPLY, answered=True)):
        async with database.transaction(EVERYTHING):
            pass
    with closing(sqlite3.connect(path)) as connection:
        assert "canary" not in "\n".join(connection.iterdump())
        connection.execute("UPDATE identity_replies SET caller = ?", ["d" * 64])
        connection.commit()
    with pytest.raises(AnswerLost):
        await replies.recall(replace(ASKED, caller="d" * 64))
    await database.close()


async def test_answers_take_part_in_the_rotation_of_keys(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    prepare_schema(path, Schema("identity", METADATA, head="x"))
    database = Database.sqlite(path)
    old, new = os.urandom(32), os.urandom(32)
    sealer = Sealer({"old": old}, "old")
    replies = SqlReplies(database, TABLE, sealer, lambda: datetime(2026, 1, 2, tzinfo=UTC))
    for key in ("a" * 64, "b" * 64):
        with on_its_way(Pending(replace(ASKED, key=key), REPLY, answered=True)):
            async with database.transaction(EVERYTHING):
                pass
    assert await replies.sealed_by() == {"old": 2}
    sealer.adopt(Sealer({"old": old, "new": new}, "new"))
    with closing(sqlite3.connect(path)) as connection:
        # One that does not open keeps its key, and stops nobody.
        connection.execute("UPDATE identity_replies SET caller = ? WHERE request_key = ?", ["d" * 64, "b" * 64])
        connection.commit()
    assert await replies.reseal() == 1
    assert await replies.sealed_by() == {"new": 1, "old": 1}
    kept = await replies.recall(replace(ASKED, key="a" * 64))
    assert kept is not None
    assert kept.reply == REPLY
    await database.close()
