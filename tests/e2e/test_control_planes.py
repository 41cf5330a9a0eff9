"""Two control planes: what is changed by one holds everywhere, either may go, and all are restarted without anybody's noticing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.test_cluster import ask, refused
from tests.prove.rolling import DRAIN_SECONDS, roll
from tests.support.accounts import discrepancies
from tests.support.child import eventually
from tests.support.cluster import Cluster
from tests.support.front import Front
from tests.support.headworks import Headworks, Management
from tests.support.mock import MockProvider
from tests.support.rig import Rig
from tests.support.servers import Missing


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockProvider]:
    with MockProvider(tmp_path_factory.mktemp("mock")) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cluster")
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[Cluster]:
    try:
        with Cluster(folder, gateways=2, controls=2, drain_seconds=str(DRAIN_SECONDS)) as cluster:
            yield cluster
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def rig(cluster: Cluster, upstream: MockProvider) -> Rig:
    rig = Rig(cluster.control, upstream)
    rig.prepare()
    return rig


@pytest.fixture(scope="module")
def planes(cluster: Cluster, rig: Rig) -> Iterator[list[Management]]:
    """The management API of each control plane."""
    assert rig.headworks is cluster.control
    credentials = cluster.control.credentials
    found = [Management(replace(credentials, api=f"{control.url}/api/v1")) for control in cluster.controls]
    yield found
    for plane in found:
        plane.close()


def gateways(plane: Management) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in plane.get("/gateways")}


def all_watch(plane: Management) -> bool:
    return [one["state"] for one in plane.get("/gateways")] == ["watching", "watching"]


def ready(gateway: Headworks) -> int:
    """What a balancer is told; 0 while nobody answers."""
    try:
        return httpx.get(f"{gateway.url}/ready", trust_env=False, timeout=10).status_code
    except httpx.TransportError:
        return 0


def test_the_second_has_no_keys_of_its_own(cluster: Cluster, planes: list[Management]) -> None:
    """Or each start of a control plane in a new place would leave keys behind."""
    assert "api_key" not in (cluster.controls[1].home / "credentials.json").read_text()
    # Other tests make thousands, called "key …".
    names = [key["name"] for key in planes[1].get("/keys", sort="name", per_page="200")]
    assert sorted(name for name in names if name.startswith("First")) == ["First key", "First management key"]


def test_what_one_changes_is_heard_by_every_gateway_of_the_other(
    cluster: Cluster, rig: Rig, planes: list[Management]
) -> None:
    """Whichever control plane a gateway watches, in one of these turns it is not the one that is asked."""
    model = rig.model("mock:tokens=7")
    for number, (makes, ends) in enumerate([planes, planes[::-1]] * 3):
        made = makes.create_key(f"short-lived {number}")
        for gateway in cluster.gateways:
            ask(gateway, made["key"], model)
        ends.delete(f"/keys/{made['id']}")
        for gateway in cluster.gateways:
            eventually(partial(refused, gateway, made["key"], model), what="refusal", seconds=5)


def test_what_one_changes_in_the_catalog_is_so_everywhere(cluster: Cluster, rig: Rig, planes: list[Management]) -> None:
    key = cluster.control.credentials.api_key
    for number, plane in enumerate(planes):
        alias = f"renamed-{number}"
        plane.add_model(alias, ("mock", "mock:tokens=3"))
        for gateway in cluster.gateways:
            assert ask(gateway, key, alias), "a name that is new to it is asked for"
        plane.send("PATCH", f"/models/{alias}", {"targets": [{"provider": "mock", "upstream_model": "mock:tokens=4"}]})
        for gateway in cluster.gateways:

            def answers_anew(gateway: Headworks = gateway, alias: str = alias) -> bool:
                return bool(rig.record(ask(gateway, key, alias))["output_tokens"] == 4)

            eventually(answers_anew, what="the new target", seconds=10)


def test_either_shows_all_gateways(planes: list[Management]) -> None:
    for plane in planes:
        eventually(partial(all_watch, plane), what="both gateways watch")
    fields = ("id", "address", "control", "version", "watching_since")
    first, second = ([{name: one[name] for name in fields} for one in plane.get("/gateways")] for plane in planes)
    assert first == second


def test_limits_that_are_given_out_twice_are_told(cluster: Cluster, planes: list[Management]) -> None:
    """Without Redis: by whichever control plane is not the only one that gateways ask."""
    eventually(partial(all_watch, planes[0]), what="both gateways watch")
    asked = {one["control"] for one in planes[0].get("/gateways")}

    def told() -> list[str]:
        looked = [httpx.get(f"{control.url}/health/ready", trust_env=False, timeout=10) for control in cluster.controls]
        checks = [check for answer in looked for check in answer.json()["checks"]]
        return [
            check["detail"] for check in checks if (check["name"], check["state"]) == ("shares of limits", "degraded")
        ]

    eventually(lambda: len(told()) == len(asked), what="it is told")
    assert all("HEADWORKS_REDIS_URL" in detail for detail in told())


def test_a_control_plane_that_dies_is_replaced_by_the_other(
    cluster: Cluster, rig: Rig, planes: list[Management]
) -> None:
    """At once, also for what no gateway has asked for before."""
    model = rig.model("mock:tokens=7")
    made = [planes[0].create_key(f"before a death {number}") for number in range(4)]
    for dead, alive in ((0, 1), (1, 0)):
        cluster.controls[dead].kill()
        for gateway, key in zip(cluster.gateways, made[2 * dead :], strict=False):
            ask(gateway, key["key"], model)
        eventually(partial(all_watch, planes[alive]), what="both watch the one that lives")
        cluster.controls[dead].start()
    for gateway in cluster.gateways:
        assert gateway.metric("headworks_flows_from_memory") == 0


def test_a_gateway_drains_whoever_is_restarted(cluster: Cluster, rig: Rig, planes: list[Management]) -> None:
    model, key = rig.model("mock:tokens=7"), cluster.control.credentials.api_key
    eventually(partial(all_watch, planes[0]), what="both gateways watch")
    (one, other) = sorted(gateways(planes[0]))
    planes[0].send("POST", f"/gateways/{one}/drain")
    planes[1].send("POST", f"/gateways/{one}/drain")
    eventually(lambda: sorted(map(ready, cluster.gateways)) == [200, 503], what="one drains")
    (drained,) = [gateway for gateway in cluster.gateways if ready(gateway) == 503]
    assert ask(drained, key, model), "what still comes is served"
    eventually(lambda: gateways(planes[1])[one]["drained"], what="drained")
    drained.restart(ready=False)
    eventually(lambda: ready(drained) == 503, what="it drains still")
    for control in cluster.controls:
        control.restart()
    eventually(partial(all_watch, planes[0]), what="both gateways watch")
    assert ready(drained) == 503
    eventually(lambda: gateways(planes[0])[one]["drained"], what="drained")
    assert gateways(planes[0])[other]["draining_since"] is None
    planes[1].send("POST", f"/gateways/{one}/undrain")
    eventually(lambda: ready(drained) == 200, what="it serves again")
    noted = {entry["action"] for entry in planes[0].get("/audit-events", action="gateways.*")}
    assert noted == {"gateways.drained", "gateways.undrained"}


def test_all_are_restarted_under_load_and_no_request_fails(
    cluster: Cluster, rig: Rig, upstream: MockProvider, folder: Path
) -> None:
    places = [[f"127.0.0.1:{one.port}" for one in group] for group in (cluster.gateways, cluster.controls)]
    with Front(folder, *places) as front:
        seen = roll(cluster, rig, front.port, rounds=1, clients=2)
    assert seen.failures == []
    assert min(seen.answered, seen.made, seen.whole, seen.told) > 0
    upstream.wait_until_idle()

    def agreed() -> bool:
        return not discrepancies(upstream.requests(), rig.headworks.management.usage_events())

    eventually(agreed, what="records as the upstream served", seconds=60)
    assert rig.headworks.management.get("/ledger/verification")["agrees"]
