from __future__ import annotations

import asyncio

import pytest

from headworks.bootstrap.health import Health
from headworks.kernel.database import DatabaseUnavailable
from tests.support.engine_twin import EngineTwin


async def well() -> None:
    """A probe that is content."""


async def ill() -> None:
    raise DatabaseUnavailable("No.", detail="disk I/O error")


@pytest.fixture
def engine() -> EngineTwin:
    twin = EngineTwin()
    twin.start()
    return twin


async def test_all_is_well(engine: EngineTwin) -> None:
    report = await Health(engine, {"a": well}, started=True).report()
    assert report.status == "ready"
    assert {check.state for check in report.checks} == {"ok"}


async def test_a_start_that_is_not_over_is_not_ready(engine: EngineTwin) -> None:
    assert (await Health(engine, {}).report()).status == "unready"


async def test_a_door_that_is_not_open_is_not_ready() -> None:
    report = await Health(EngineTwin(), {}, started=True).report()
    assert [check.name for check in report.checks if check.state == "failed"] == ["front door"]


async def test_an_ailing_database_takes_no_traffic_away(engine: EngineTwin) -> None:
    report = await Health(engine, {"usage database": ill, "other": well}, started=True).report()
    assert report.status == "degraded"
    (check,) = [check for check in report.checks if check.state != "ok"]
    assert check.name == "usage database"
    assert "disk I/O error" in check.detail


async def test_a_database_that_does_not_answer_is_not_waited_for(
    engine: EngineTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headworks.bootstrap.health._PROBE_SECONDS", 0.01)
    report = await Health(engine, {"a": asyncio.Event().wait}, started=True).report()  # type: ignore[dict-item]
    assert "did not answer" in next(check.detail for check in report.checks if check.name == "a")


@pytest.mark.parametrize(
    ("spool", "refuses", "status", "words"),
    [
        ({"over_half": True}, True, "degraded", "more than half full (0 of 1000 bytes)"),
        ({"over_half": True, "full": True}, True, "unready", "requests are refused"),
        ({"over_half": True, "full": True}, False, "degraded", "not recorded"),
        (
            {"full": True, "last_error": "No space left"},
            True,
            "unready",
            "no more room (No space left): requests are refused",
        ),
        ({"last_error": "No space left on device"}, True, "degraded", "No space left"),
    ],
)
async def test_the_spool_is_told_of(
    engine: EngineTwin, spool: dict[str, object], *, refuses: bool, status: str, words: str
) -> None:
    engine.set_spool(**spool)
    report = await Health(engine, {}, refuses_when_full=refuses, started=True).report()
    assert report.status == status
    assert words in next(check.detail for check in report.checks if check.name == "usage spool")


async def test_each_state_has_a_beginning(engine: EngineTwin) -> None:
    """And keeps it for as long as it lasts, whatever else changes."""
    states = iter([well, ill, ill, well])

    async def moody() -> None:
        await next(states)()

    health = Health(engine, {"a": moody, "b": well}, started=True)
    since = [{check.name: check.since for check in (await health.report()).checks} for _ in range(4)]
    assert since[0]["a"] != since[1]["a"] == since[2]["a"] != since[3]["a"]
    assert len({one["b"] for one in since}) == 1
