"""Which office of shares a control plane has, and who hears that something is wanted back."""

from __future__ import annotations

import importlib.util

import pytest

from headworks.bootstrap import shares as bootstrap_shares
from headworks.bootstrap.shares import BadOffice, Office
from headworks.dataplane.shares import SharesQuestion
from headworks.kernel.errors import Unavailable
from headworks.kernel.secrets import Secret
from tests.support.child import free_port
from tests.support.shares import ask


async def test_without_redis_it_is_in_this_process() -> None:
    office = Office(None)
    told: list[str] = []
    office.tells(told.append)
    async with office.opened():
        await office.probe()
        wanted = (ask("lim_1", need=10, amount=15),)
        answers = [await office.ask(SharesQuestion(life, wanted)) for life in ("one", "other")]
        assert [answer.shares[0].enough for answer in answers] == [True, False]
    assert told == ["lim_1"], "the other may have something to spare"


async def test_redis_that_is_not_there_is_told_and_nobody_waits() -> None:
    office = Office(Secret(f"redis://127.0.0.1:{free_port()}/0"))
    async with office.opened():
        with pytest.raises(Unavailable):
            await office.ask(SharesQuestion("one", (ask("lim_1", need=10),)))
        with pytest.raises(Unavailable) as away:
            await office.probe()
    assert "by itself" in away.value.message


async def test_a_missing_client_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        bootstrap_shares, "find_spec", lambda name: None if name == "redis" else importlib.util.find_spec(name)
    )
    with pytest.raises(BadOffice) as missing:
        Office(Secret("redis://127.0.0.1/0"))
    assert "pip install 'headworks[redis]'" in str(missing.value)
