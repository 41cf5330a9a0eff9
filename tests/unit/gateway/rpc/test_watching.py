"""What changes is heard by every gateway, and what may have been missed is asked for anew."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from headworks.dataplane.wire.control_pb2 import WatchResponse
from headworks.gateway.rpc import Changes
from tests.support.peers import listening
from tests.unit.gateway.conftest import KEY_HASH, question
from tests.unit.gateway.rpc.conftest import Control, Gateway, gateway_of, until


async def test_changes_are_heard_in_order(control: Control, gateway: Gateway) -> None:
    gateway.table.told.clear()
    control.changes.key(KEY_HASH)
    control.changes.budget("bud_1")
    control.changes.everything(access=False)
    await until(lambda: gateway.watcher.revision == 3)
    assert gateway.table.told == [("key", KEY_HASH), ("budget", "bud_1"), ("all", "")]


async def test_what_others_need_is_told_and_changes_nothing(control: Control, gateway: Gateway) -> None:
    control.changes.key(KEY_HASH)
    await until(lambda: gateway.watcher.revision == 1)
    gateway.table.told.clear()
    for _ in range(2):
        control.changes.lease("bud_1")
    control.changes.share("lim_1")
    await until(lambda: len(gateway.table.told) == 2)
    assert sorted(gateway.table.told) == [("lease", "bud_1"), ("share", "lim_1")]
    assert gateway.watcher.revision == 1


async def test_a_revoked_key_is_not_served_from_memory(control: Control, gateway: Gateway) -> None:
    await gateway.ask()
    await gateway.kept.flush()
    control.changes.key(KEY_HASH)
    await until(lambda: gateway.watcher.revision == 1)
    await control.stop()
    assert (await gateway.ask())["refusal"]["status"] == 503


@pytest.mark.parametrize(("access", "served"), [(True, False), (False, True)])
async def test_memory_ends_where_access_may_have(
    control: Control, gateway: Gateway, *, access: bool, served: bool
) -> None:
    await gateway.ask()
    control.changes.everything(access=access)
    await until(lambda: gateway.watcher.revision == 1)
    await control.stop()
    assert ("flow" in await gateway.ask()) is served


async def test_what_was_missed_meanwhile_is_told_later(control: Control, gateway: Gateway) -> None:
    await control.stop()
    await until(lambda: not gateway.link.heard)
    gateway.table.told.clear()
    control.changes.key(KEY_HASH)
    await control.start()
    await until(lambda: gateway.watcher.revision == 1)
    assert gateway.table.told == [("share", ""), ("key", KEY_HASH)], "no more than that"


async def test_another_process_knows_nothing_so_all_is_asked_anew(control: Control, gateway: Gateway) -> None:
    first = gateway.watcher.instance
    gateway.table.told.clear()
    await control.restart()
    await until(lambda: gateway.watcher.instance != first)
    assert gateway.table.told == [("share", ""), ("all", "missed")]
    assert "flow" in await gateway.ask()


async def test_who_missed_more_than_is_kept_asks_anew() -> None:
    changes = Changes(kept=3)
    instance = (await anext(aiter(changes.since("", 0, 1)))).instance
    for number in range(5):
        changes.key(str(number))

    async def first_of(revision: int) -> str | None:
        return (await anext(aiter(changes.since(instance, revision, 1)))).WhichOneof("change")

    assert [await first_of(revision) for revision in (0, 1, 2, 5, 6)] == ["missed", "missed", None, None, "missed"]


async def test_a_slow_watcher_is_told_that_it_missed_something() -> None:
    changes = Changes(kept=3)
    watching = aiter(changes.since("", 0, 1))
    await anext(watching)
    for number in range(9):
        changes.key(str(number))
    heard = await anext(watching)
    assert (heard.WhichOneof("change"), heard.revision) == ("missed", 9)
    changes.key("last")
    assert (await anext(watching)).key_hash == "last"


async def test_changes_are_told_from_any_thread() -> None:
    changes, heard = Changes(), list[WatchResponse]()

    async def watch() -> None:
        async for change in changes.since("", 0, 0.01):
            if change.WhichOneof("change") == "key_hash":
                heard.append(change)

    watchers = [asyncio.create_task(watch()) for _ in range(3)]
    await asyncio.sleep(0)

    def tell() -> None:
        for _ in range(200):
            changes.key("k")

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    await until(lambda: len(heard) == 3 * 800)
    for task in watchers:
        task.cancel()
    await asyncio.gather(*watchers, return_exceptions=True)
    for thread in threads:
        thread.join()
    assert sorted(change.revision for change in heard) == sorted([*range(1, 801)] * 3)
    assert not changes._watchers


async def test_silence_is_a_lost_connection(control: Control, tmp_path: Path) -> None:
    async def black_hole(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with listening(black_hole) as port:
        gateway = gateway_of(f"127.0.0.1:{port}", folder=tmp_path, silence_seconds=0.05)
        watching = asyncio.create_task(gateway.watcher.run())
        answer = await gateway.ask(question())
        assert answer["refusal"]["status"] == 503
        assert not watching.done()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await gateway.link.close()
        gateway.kept.close()
