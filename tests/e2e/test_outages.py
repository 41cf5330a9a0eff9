"""The usage database stops taking records: requests go on while the spool has room, are refused when it has none, and none is lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.accounts import discrepancies
from tests.support.child import eventually
from tests.support.headworks import Headworks
from tests.support.mock import MockProvider
from tests.support.rig import Rig
from tests.support.wire import Response, exchange, post

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALLEST_SPOOL = {"spool_segment_bytes": str(64 * 1024), "spool_limit_bytes": str(192 * 1024)}
MORE_THAN_FIT = 5_000


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Rig]:
    """A gateway with the smallest spool there is."""
    with MockProvider(tmp_path) as upstream, Headworks(tmp_path / "home", **SMALLEST_SPOOL) as headworks:
        rig = Rig(headworks, upstream)
        rig.prepare()
        yield rig


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Keep every writer out of a SQLite database."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def ask(rig: Rig) -> Response:
    """A request that is served and recorded, if it is let in."""
    body = f'{{"model": "{rig.model("mock:tokens=2")}", "messages": []}}'.encode()
    return exchange(rig.headworks.port, post("/v1/chat/completions", body, key=rig.headworks.credentials.api_key))


def spool_state(rig: Rig) -> str:
    """What readiness says of the spool."""
    checks = httpx.get(f"{rig.headworks.url}/health/ready", trust_env=False).json()["checks"]
    state: str = next(check["state"] for check in checks if "spool" in check["name"])
    return state


def test_a_usage_database_that_is_away_costs_no_request_and_no_record(narrow: Rig) -> None:
    with locked(narrow.headworks.home / "usage.sqlite3"):
        answers = [ask(narrow) for _ in range(30)]
    assert {answer.status for answer in answers} == {httpx.codes.OK}
    for answer in answers:
        narrow.record(answer.headers["x-request-id"])


def test_a_full_spool_refuses_before_it_acknowledges_and_recovers(narrow: Rig) -> None:
    assert ask(narrow).status == httpx.codes.OK
    assert spool_state(narrow) == "ok"
    with locked(narrow.headworks.home / "usage.sqlite3"):
        refused = next(
            answer for answer in (ask(narrow) for _ in range(MORE_THAN_FIT)) if answer.status != httpx.codes.OK
        )
        served = narrow.upstream.stats()["requests"]
        assert refused.status == httpx.codes.SERVICE_UNAVAILABLE
        assert refused.error["code"] == "usage_log_full"
        assert refused.headers["retry-after"]
        assert spool_state(narrow) != "ok"
        assert ask(narrow).status == httpx.codes.SERVICE_UNAVAILABLE
        assert narrow.upstream.stats()["requests"] == served, "a refused request must not reach the upstream"

    eventually(lambda: ask(narrow).status == httpx.codes.OK, what="room in the spool")
    narrow.upstream.wait_until_idle()

    def agreed() -> bool:
        return not discrepancies(narrow.upstream.requests(), narrow.headworks.management.usage_events())

    eventually(agreed, what="a record of every request")
    assert spool_state(narrow) == "ok"
