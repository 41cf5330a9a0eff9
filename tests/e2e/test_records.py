"""Accounting end to end: each request that the upstream served has one record, across restarts, and the totals follow."""

from __future__ import annotations

import stat
from collections import Counter
from typing import TYPE_CHECKING

import httpx

from tests.prove.revocation import seconds_until_refused
from tests.support.accounts import discrepancies
from tests.support.child import eventually
from tests.support.headworks import Headworks
from tests.support.load import Load
from tests.support.rig import TOKEN_COLUMNS, Rig
from tests.support.wire import exchange, post

if TYPE_CHECKING:
    pass

CHAT = "/v1/chat/completions"
MODELS = (
    "mock:tokens=5",
    "mock:tokens=50,rate=1000,cached=4",
    "mock:tokens=30,reasoning=9",
    "mock:status=500",
    "mock:status=429,retry_after=1",
    "mock:tokens=20,drop_after=7",
    "mock:tokens=20,truncate=7",
    "mock:tokens=20,no_usage",
    "mock:html",
)


def put_under_load(rig: Rig, answers: int) -> None:
    """Mixed requests, good and bad, until so many answers were read; then wait until the upstream is idle."""
    with Load(rig.headworks, [rig.model(model) for model in MODELS], clients=8, seed=7) as load:
        eventually(lambda: load.answered >= answers, what=f"{answers} answers", seconds=60)
    rig.upstream.wait_until_idle()


def agreed(rig: Rig) -> bool:
    """Whether the upstream's books and ours agree."""
    return not discrepancies(rig.upstream.requests(), rig.headworks.management.usage_events())


def test_records_equal_what_the_upstream_served(own: Rig) -> None:
    put_under_load(own, 400)
    eventually(lambda: agreed(own), what="records of every request")
    served, records = own.upstream.requests(), own.headworks.management.usage_events()
    assert len(records) == len({attempt.request_id for attempt in served})
    assert {record["outcome"] for record in records} >= {"success", "upstream_error", "truncated"}

    rows = own.headworks.management.get("/usage", group_by="key,model,day")["rows"]
    requests: Counter[str] = Counter(record["model"] for record in records)
    summed: Counter[str] = Counter()
    for row in rows:
        summed[row["model"]] += row["requests"]
    assert summed == requests
    counted = sum(record[column] for record in records for column in TOKEN_COLUMNS)
    assert sum(row["input_tokens"] + row["output_tokens"] for row in rows) == counted


def test_a_second_start_finds_its_data(own: Rig) -> None:
    credentials = own.headworks.credentials
    mode = (own.headworks.home / "credentials.json").stat().st_mode
    assert stat.S_IMODE(mode) == stat.S_IRUSR | stat.S_IWUSR
    assert credentials.endpoint.endswith("/v1")
    model = own.model("mock:tokens=3")
    body = f'{{"model": "{model}", "messages": []}}'.encode()
    first = exchange(own.headworks.port, post(CHAT, body, key=credentials.api_key))
    own.record(first.headers["x-request-id"])

    assert own.headworks.stop() == 0
    own.headworks.start()
    assert own.headworks.credentials == credentials
    second = exchange(own.headworks.port, post(CHAT, body, key=credentials.api_key))
    assert second.status == httpx.codes.OK
    own.record(second.headers["x-request-id"])
    own.record(first.headers["x-request-id"])


def test_a_second_process_does_not_take_the_same_folder(own: Rig) -> None:
    intruder = Headworks(own.headworks.home)
    intruder.start(ready=False)
    assert intruder.child.wait(30) != 0
    assert str(own.headworks.home) in intruder.child.output()


def test_a_known_flow_enters_no_python(own: Rig) -> None:
    request = post(
        CHAT, f'{{"model": "{own.model("mock")}", "messages": []}}'.encode(), key=own.headworks.credentials.api_key
    )
    assert exchange(own.headworks.port, request).status == httpx.codes.OK
    before = own.headworks.metric("headworks_interpreter_entries_total")
    misses = own.headworks.metric("headworks_flow_misses_total")
    for _ in range(300):
        assert exchange(own.headworks.port, request).status == httpx.codes.OK
    assert own.headworks.metric("headworks_interpreter_entries_total") == before
    assert own.headworks.metric("headworks_flow_misses_total") == misses


def test_a_revoked_key_is_refused(own: Rig) -> None:
    """`make prove` measures the time; here it only has to happen, and to last."""
    for number in range(3):
        seconds_until_refused(own.headworks, f"revoked {number}")


def test_readiness_and_metrics_tell_of_the_spool(own: Rig) -> None:
    body = f'{{"model": "{own.model("mock")}", "messages": []}}'.encode()
    answer = exchange(own.headworks.port, post(CHAT, body, key=own.headworks.credentials.api_key))
    own.record(answer.headers["x-request-id"])
    ready = httpx.get(f"{own.headworks.url}/health/ready", trust_env=False)
    assert ready.is_success
    assert "spool" in ready.text
    assert own.headworks.metric("headworks_requests_total") >= 1
    for path in ("/healthz", "/health", "/ready", "/health/live", "/health/startup"):
        assert httpx.get(own.headworks.url + path, trust_env=False).is_success, path
