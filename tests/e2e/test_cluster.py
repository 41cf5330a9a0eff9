"""Headworks as many processes: the same promises as one."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from headworks import __version__
from headworks.bootstrap.messages import TOPOLOGY, USAGE, USAGE_RECORDED
from headworks.kernel.bus import Message
from headworks.kernel.bus.adapters.rabbitmq.bus import RabbitBus
from headworks.kernel.clock import now
from tests.support.buses import consuming, until
from tests.support.child import ROOT, eventually
from tests.support.cluster import Cluster
from tests.support.dead_letters import refuses
from tests.support.headworks import Headworks
from tests.support.mock import MockProvider
from tests.support.rig import Rig
from tests.support.servers import Missing

ASKED: list[Any] = [{"role": "user", "content": "one two three"}]


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockProvider]:
    with MockProvider(tmp_path_factory.mktemp("mock")) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    try:
        with Cluster(tmp_path_factory.mktemp("cluster"), gateways=2) as cluster:
            yield cluster
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def rig(cluster: Cluster, upstream: MockProvider) -> Rig:
    rig = Rig(cluster.control, upstream)
    rig.prepare()
    return rig


@pytest.fixture(autouse=True)
def _everybody_lives(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that broke off leaves nobody dead to the next."""
    yield
    if "cluster" in request.fixturenames:
        cluster: Cluster = request.getfixturevalue("cluster")
        cluster.revive()


def client(gateway: Headworks, key: str) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{gateway.url}/v1",
        api_key=key,
        max_retries=0,
        timeout=60,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    )


def ask(gateway: Headworks, key: str, model: str) -> str:
    """The id of a request that was answered."""
    with client(gateway, key) as api:
        answer = api.chat.completions.with_raw_response.create(model=model, messages=ASKED)
    return str(answer.headers["x-request-id"])


def checks(process: Headworks) -> dict[str, str]:
    answer = httpx.get(f"{process.url}/health/ready", trust_env=False, timeout=10)
    return {check["name"]: check["state"] for check in answer.json()["checks"]}


def keeps(gateway: Headworks, model: str) -> bool:
    """Whether the gateway has a flow of this model on its disk."""
    with closing(sqlite3.connect(f"file:{gateway.home / 'flows.sqlite3'}?mode=ro", uri=True)) as file:
        return bool(file.execute("SELECT count(*) FROM flows WHERE model = ?", (f"={model}",)).fetchone()[0])


def test_a_request_of_each_gateway_is_recorded_and_settled_once(cluster: Cluster, rig: Rig) -> None:
    model, key = rig.model("mock:tokens=7"), rig.headworks.credentials.api_key
    for gateway in cluster.gateways:
        record = rig.record(ask(gateway, key, model))
        assert (record["outcome"], record["usage_source"], record["output_tokens"]) == ("success", "provider", 7)
    assert rig.headworks.management.get("/ledger/verification")["agrees"]
    states = [checks(process) for process in (*cluster.gateways, *cluster.usage)]
    assert set().union(*(state.values() for state in states)) == {"ok"}, states


def test_the_control_plane_serves_no_inference_and_a_gateway_no_management(cluster: Cluster, rig: Rig) -> None:
    answer = httpx.get(f"{cluster.control.url}/v1/models", trust_env=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_a_gateway")
    assert httpx.get(f"{cluster.gateways[0].url}/api/v1/keys", trust_env=False).status_code == 404


def test_a_revoked_key_is_refused_by_every_gateway(cluster: Cluster, rig: Rig) -> None:
    model = rig.model("mock:tokens=7")
    made = rig.headworks.management.create_key("short-lived")
    for gateway in cluster.gateways:
        ask(gateway, made["key"], model)
    rig.headworks.management.delete(f"/keys/{made['id']}")
    for gateway in cluster.gateways:
        eventually(partial(refused, gateway, made["key"], model), what="refusal")


def refused(gateway: Headworks, key: str, model: str) -> bool:
    try:
        ask(gateway, key, model)
    except openai.AuthenticationError:
        return True
    return False


def test_a_budget_is_one_for_all_gateways(cluster: Cluster, rig: Rig) -> None:
    management, upstream_model = rig.headworks.management, "mock:tokens=10,cached=0"
    model = rig.model(upstream_model)
    management.post(
        "/prices", {"provider": "mock", "upstream_model": upstream_model, "rates": {"input": 0, "output": 10**9}}
    )
    made = management.create_key("budgeted")
    budget = {
        "name": "ten answers",
        "scope": "key",
        "scope_id": made["id"],
        "amount_nanodollars": 10 * 10 * 1_000,
        "period": "total",
    }
    budget_id = management.post("/budgets", budget)["id"]
    tokens = 0
    with client(cluster.gateways[0], made["key"]) as first, client(cluster.gateways[1], made["key"]) as second:
        for number in range(60):
            api = (first, second)[number % 2]
            try:
                answer = api.chat.completions.create(model=model, messages=ASKED, max_tokens=10)
            except openai.APIStatusError as error:
                if error.status_code != httpx.codes.PAYMENT_REQUIRED:
                    raise
            else:
                assert answer.usage is not None
                tokens += answer.usage.completion_tokens
    assert tokens == 100, "to the last token, and none more: the last answers are shorter"
    eventually(
        lambda: management.get(f"/budgets/{budget_id}")["current"]["spent"]["nanodollars"] == 100_000,
        what="all of it settled",
    )


def test_what_one_gateway_holds_and_does_not_use_pays_for_a_request_of_another(cluster: Cluster, rig: Rig) -> None:
    management, upstream_model = rig.headworks.management, "mock:tokens=10,cached=0,rate=1000"
    model = rig.model(upstream_model)
    management.post(
        "/prices", {"provider": "mock", "upstream_model": upstream_model, "rates": {"input": 0, "output": 10**9}}
    )
    made = management.create_key("to share")
    budget = {"scope": "key", "scope_id": made["id"], "name": "two answers", "period": "total"}
    budget_id = management.post("/budgets", budget | {"amount_nanodollars": 20 * 1_000})["id"]
    with client(cluster.gateways[0], made["key"]) as first, client(cluster.gateways[1], made["key"]) as second:
        # The whole budget is set aside for a short answer, and what it did not cost stays with this gateway.
        first.chat.completions.create(model=model, messages=ASKED, max_tokens=20)
        assert management.get(f"/budgets/{budget_id}")["current"]["held"]["nanodollars"] > 0
        answer = second.chat.completions.create(model=model, messages=ASKED, max_tokens=10)
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 10, "not one shorter"
    eventually(
        lambda: management.get(f"/budgets/{budget_id}")["current"]["spent"]["nanodollars"] == 20_000,
        what="all of it settled",
    )


def test_a_gateway_goes_on_without_its_control_plane_and_after_its_own_restart(cluster: Cluster, rig: Rig) -> None:
    model, key = rig.model("mock:tokens=7"), rig.headworks.credentials.api_key
    gateway = cluster.gateways[0]
    ask(gateway, key, model)
    eventually(lambda: keeps(gateway, model), what="the flow on the disk")
    cluster.control.kill()
    ids = [ask(gateway, key, model)]
    gateway.kill()
    gateway.start()
    ids.append(ask(gateway, key, model))
    assert gateway.metric("headworks_flows_from_memory") >= 1
    with client(gateway, key) as api, pytest.raises(openai.InternalServerError) as unknown:
        api.chat.completions.create(model="never-asked-for", messages=ASKED)
    assert unknown.value.status_code == 503, "not known here, so nobody says that it is not there"
    cluster.control.start()
    assert [len(rig.records(request_id)) for request_id in ids] == [1, 1]
    eventually(lambda: checks(gateway)["control plane"] == "ok", what="the control plane is heard")


def test_a_gateway_that_begins_anew_while_the_broker_is_away_still_draws_from_budgets(
    cluster: Cluster, rig: Rig
) -> None:
    management, upstream_model = rig.headworks.management, "mock:tokens=10,cached=0,rate=2000"
    model, gateway = rig.model(upstream_model), cluster.gateways[0]
    management.post(
        "/prices", {"provider": "mock", "upstream_model": upstream_model, "rates": {"input": 0, "output": 10**9}}
    )
    made = management.create_key("two lives")
    budget = {"scope": "key", "scope_id": made["id"], "name": "many answers", "period": "total"}
    budget_id = management.post("/budgets", budget | {"amount_nanodollars": 10**9})["id"]

    def current() -> dict[str, int]:
        found = management.get(f"/budgets/{budget_id}")["current"]
        return {name: found[name]["nanodollars"] for name in ("spent", "held")}

    ask(gateway, made["key"], model)
    eventually(lambda: current()["spent"] == 10_000, what="the first one settled")
    cluster.rabbitmq.kill()
    ask(gateway, made["key"], model)
    held = current()["held"]
    gateway.kill()
    gateway.start()
    ask(gateway, made["key"], model)
    assert current()["spent"] == 10_000, "nothing of the former life is settled"
    assert current()["held"] > held, "what it held is still its own"
    cluster.rabbitmq.start()
    eventually(lambda: current()["spent"] == 30_000, what="all of it settled")
    (lease,) = eventually(
        lambda: one if len(one := management.get(f"/leases?budget_id={budget_id}")) == 1 else None,
        what="what the former life held is given back",
    )
    assert lease["gateway"].startswith("spool_")
    assert management.get("/ledger/verification")["agrees"]


def test_usage_waits_in_the_spool_while_the_broker_is_away(cluster: Cluster, rig: Rig) -> None:
    model, key = rig.model("mock:tokens=7"), rig.headworks.credentials.api_key
    cluster.rabbitmq.kill()
    ids = [ask(gateway, key, model) for gateway in cluster.gateways for _ in range(3)]
    for process in (*cluster.gateways, *cluster.usage):
        eventually(partial(degraded, process), what="trouble is told")
    cluster.rabbitmq.start()
    for request_id in ids:
        rig.record(request_id)


def degraded(process: Headworks) -> bool:
    return "degraded" in checks(process).values()


def test_usage_is_stored_once_whoever_dies(cluster: Cluster, rig: Rig) -> None:
    model, key = rig.model("mock:tokens=7"), rig.headworks.credentials.api_key
    ids = []
    for process in (*cluster.usage, *cluster.gateways):
        ids += [ask(gateway, key, model) for gateway in cluster.gateways for _ in range(5)]
        process.kill()
        process.start()
    for request_id in ids:
        rig.record(request_id)
    assert rig.headworks.management.get("/ledger/verification")["agrees"]


def test_a_worker_does_what_others_leave_to_it(cluster: Cluster, rig: Rig) -> None:
    ask(cluster.gateways[0], cluster.control.credentials.api_key, rig.model("mock:tokens=5"))
    rig.upstream.wait_until_idle()
    today = now().date().isoformat()
    api = cluster.control.management
    cluster.worker.kill()
    try:
        assert api.post("/usage-rebuilds", {"first_day": today, "last_day": today})["days"] == [today]
    finally:
        cluster.worker.start()
    eventually(lambda: not api.get("/usage-rebuilds")["days"], what="sums that are made anew", seconds=60)
    assert cluster.worker.metric("headworks_ledger_imbalance_nanodollars") == 0
    control = httpx.get(f"{cluster.control.url}/metrics", trust_env=False, timeout=10).text
    assert "headworks_ledger_imbalance_nanodollars" not in control, "who does not look tells no zero"
    assert checks(cluster.worker)["usage database"] == "ok"


def test_an_operator_puts_back_what_nobody_could_handle(cluster: Cluster, rig: Rig) -> None:
    """Usage that somebody refused, as an older version might; and what no version can make anything of."""
    model, key = rig.model("mock:tokens=7"), rig.headworks.credentials.api_key
    garbage = Message("garbage/1/2", USAGE_RECORDED.name, b'{"no": "list"}', now())
    cluster.usage[0].kill()
    request_id = ask(cluster.gateways[0], key, model)
    asyncio.run(refuse_what_is_waiting(cluster, garbage))
    cluster.usage[0].start()
    letters = {one["id"]: one for one in shown(cluster, "bus", "dead", "list")["letters"]}
    assert {one["reason"] for one in letters.values()} == {"rejected"}
    (lost,) = [one for one in letters if request_id in shown(cluster, "bus", "dead", "show", one)["payload"]]
    assert rig.records(request_id) == []

    put_back = operate(cluster, "bus", "dead", "replay", lost)
    assert (put_back.returncode, put_back.stdout) == (0, f"Put {lost} back into the queue usage.\n"), put_back.stderr
    rig.record(request_id)
    assert lost not in operate(cluster, "bus", "dead", "list").stdout

    assert shown(cluster, "bus", "dead", "replay", garbage.id) == {"queue": "usage", "replayed": 1}
    eventually(lambda: garbage.id in operate(cluster, "bus", "dead", "list").stdout, what="it is dead once more")
    assert "garbage/1/2" in cluster.usage[0].child.output(), "its log says why"
    noted = {one["action"] for one in shown(cluster, "audit", "list", "--action", "dead_letters.*")}
    assert noted == {"dead_letters.replay_begun", "dead_letters.replayed"}
    asyncio.run(discard(cluster, garbage.id))
    assert operate(cluster, "bus", "dead", "show", garbage.id).returncode == 1


async def refuse_what_is_waiting(cluster: Cluster, *besides: Message) -> None:
    """Until a message of a gateway's is dead, and these are."""
    bus = RabbitBus(cluster.rabbitmq.address, TOPOLOGY)
    gateways = [str(one["id"]) for one in shown(cluster, "gateways")]

    async def is_refused() -> bool:
        dead = [letter.message for letter in await bus.dead(USAGE.name)]
        return {one.id for one in besides} < {one.id for one in dead} and any(one.subject in gateways for one in dead)

    await bus.publish(besides)
    async with consuming(bus, USAGE.name, refuses):
        await until(is_refused, "what waits is refused")
    await bus.close()


async def discard(cluster: Cluster, letter_id: str) -> None:
    """For good."""
    bus = RabbitBus(cluster.rabbitmq.address, TOPOLOGY)
    assert await bus.discard(USAGE.name, [letter_id]) == 1
    await bus.close()


def test_an_operator_sees_gateways_come_and_go_and_what_they_hold(cluster: Cluster, rig: Rig) -> None:
    management, upstream_model = rig.headworks.management, "mock:tokens=11"
    eventually(lambda: states(cluster) == ["watching", "watching"], what="both gateways watch")
    before = shown(cluster, "gateways")
    assert {one["version"] for one in before} == {__version__}
    assert {one["address"].split(":")[0] for one in before} == {"127.0.0.1"}
    eventually(lambda: {one["behind"] for one in shown(cluster, "gateways")} == {0}, what="both were told everything")

    management.post(
        "/prices", {"provider": "mock", "upstream_model": upstream_model, "rates": {"input": 0, "output": 10**9}}
    )
    made = management.create_key("borrower")
    wish = {"name": "lent", "scope": "key", "scope_id": made["id"], "amount_nanodollars": 10**9, "period": "month"}
    budget = management.post("/budgets", wish)
    rig.record(ask(cluster.gateways[0], made["key"], rig.model(upstream_model)))
    (lease,) = shown(cluster, "leases", "--budget", "lent")
    assert (lease["budget_id"], lease["amount"]["nanodollars"] > 0) == (budget["id"], True)
    again = shown(cluster, "leases", "--gateway", lease["gateway"], "--budget", "lent")
    assert [one["budget_id"] for one in again] == [budget["id"]]
    assert "lent" in operate(cluster, "leases").stdout
    held = {one["id"]: one["held_nanodollars"] for one in shown(cluster, "gateways")}
    assert held[lease["gateway"]] > 0

    cluster.gateways[0].kill()
    eventually(lambda: states(cluster) == ["away", "watching"], what="one is away")
    (away,) = [one for one in shown(cluster, "gateways") if one["state"] == "away"]
    assert away["id"] == lease["gateway"]
    assert "away for" in operate(cluster, "gateways").stdout
    cluster.gateways[0].start()
    eventually(lambda: states(cluster) == ["watching", "watching"], what="it is back")
    assert {one["id"] for one in shown(cluster, "gateways")} == {one["id"] for one in before}


def states(cluster: Cluster) -> list[str]:
    return sorted(one["state"] for one in shown(cluster, "gateways"))


def operate(cluster: Cluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command, as whoever operates the control plane gives it."""
    command = [sys.executable, "-m", "headworks.entrypoints.cli", *arguments]
    environment = {
        "HEADWORKS_HOME": str(cluster.control.home),
        "HEADWORKS_PORT": str(cluster.control.port),
        "PYTHONPATH": str(ROOT / "src"),
    }
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own


def shown(cluster: Cluster, *arguments: str) -> Any:  # noqa: ANN401 - JSON
    """What a command prints with --json; it must succeed."""
    done = operate(cluster, *arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_look_at_a_cluster(tmp_path: Path) -> None:
    """As `make cluster` and `make cluster-down`."""
    state = tmp_path / "cluster.json"
    started = script("up", state)
    if "is not installed" in started.stderr:
        pytest.skip(started.stderr)
    assert started.returncode == 0, started.stderr
    try:
        told = json.loads(state.read_text())
        assert state.stat().st_mode & 0o077 == 0
        assert script("up", state).returncode == 1, "there is one already"
        with openai.OpenAI(
            base_url=f"{told['url']}/v1",
            api_key=told["api_key"],
            max_retries=0,
            http_client=openai.DefaultHttpxClient(trust_env=False),
        ) as api:
            stream = api.chat.completions.create(model="headworks/echo", messages=ASKED, stream=True)
            text = "".join(piece.choices[0].delta.content or "" for piece in stream if piece.choices)
        assert text.endswith("one two three")
        assert httpx.get(f"{told['url']}/health/ready", trust_env=False).json()["status"] == "ready"
    finally:
        assert script("down", state).returncode == 0
    assert not state.exists()
    assert not Path(told["logs"]).exists()


def script(what: str, state: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/cluster.py", what, "--state", str(state)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)  # noqa: S603 - our own


def borrowing(rig: Rig, name: str) -> tuple[str, str]:
    """A model with a price, and a key that draws on a budget with room for many answers."""
    management, upstream_model = rig.headworks.management, f"mock:tokens=10,cached=0,rate={2_000 + len(name)}"
    prices = {"provider": "mock", "upstream_model": upstream_model, "rates": {"input": 0, "output": 10**9}}
    management.post("/prices", prices)
    made = management.create_key(name)
    budget = {"scope": "key", "scope_id": made["id"], "name": name, "period": "total", "amount_nanodollars": 10**9}
    management.post("/budgets", budget)
    return rig.model(upstream_model), made["key"]


def test_a_database_that_answers_nothing_keeps_nobody_waiting(cluster: Cluster, rig: Rig) -> None:
    model, key = borrowing(rig, "silence")
    for gateway in cluster.gateways:
        ask(gateway, key, model)
    with cluster.postgresql.silent():
        ids = [ask(gateway, key, model) for gateway in cluster.gateways for _ in range(3)]
        assert checks(cluster.control)["usage database"] == "degraded"
    for request_id in ids:
        assert rig.record(request_id)["outcome"] == "success"
    assert [len(rig.records(request_id)) for request_id in ids] == [1] * len(ids)


def test_a_database_that_may_only_be_read_is_waited_for_until_it_is_promoted(cluster: Cluster, rig: Rig) -> None:
    model, key = borrowing(rig, "failover")
    for gateway in cluster.gateways:
        ask(gateway, key, model)
    cluster.postgresql.become_standby()
    ids = [ask(gateway, key, model) for gateway in cluster.gateways for _ in range(3)]
    credentials = rig.headworks.credentials
    headers = {"authorization": f"Bearer {credentials.management_key}"}
    with httpx.Client(base_url=credentials.api, headers=headers, trust_env=False, timeout=60) as api:
        refused = api.post("/keys", json={"name": "too early"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "database_unavailable")
        eventually(lambda: api.get("/keys").is_success, what="keys that are read")
        cluster.postgresql.promote()
        eventually(
            lambda: api.post("/keys", json={"name": "in time"}).is_success, what="a key that is made", seconds=60
        )
    for request_id in ids:
        assert rig.record(request_id)["outcome"] == "success"
    assert [len(rig.records(request_id)) for request_id in ids] == [1] * len(ids)
    assert rig.headworks.management.get("/ledger/verification")["agrees"]
