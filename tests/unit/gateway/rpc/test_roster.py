"""What the control plane knows of a gateway is what that gateway asked over gRPC."""

from __future__ import annotations

from headworks.dataplane.wire.control_pb2 import ReleaseRequest, ResolveRequest, Sender, WatchRequest
from headworks.gateway.adapters.control import connect
from headworks.gateway.domain.roster import KnownGateway, Said
from tests.unit.gateway.conftest import KEY_HASH, question
from tests.unit.gateway.rpc.conftest import GATEWAY, Control, Gateway, until


def only(control: Control) -> KnownGateway:
    (one,) = control.roster.gateways()
    return one


async def test_a_gateway_is_known_from_its_watch_on(control: Control, gateway: Gateway) -> None:
    one = only(control)
    assert (one.id, one.said, one.away_since) == (GATEWAY, Said("1.2.3", 7), None)
    assert one.address.startswith("127.0.0.1:")
    control.changes.key(KEY_HASH)
    await until(lambda: only(control).revision == control.roster.newest == 1)


async def test_every_question_is_heard(control: Control, gateway: Gateway) -> None:
    heard = only(control).heard_at
    gateway.link.sender = lambda: Sender(gateway=GATEWAY, version="1.2.4", waiting_records=0)
    await gateway.ask(question())
    assert only(control).said == Said("1.2.4", 0)
    assert only(control).heard_at > heard
    gateway.link.sender = lambda: Sender(gateway=GATEWAY, waiting_records=9)
    await gateway.leases.release(GATEWAY, [])
    assert only(control).said == Said("1.2.4", 9)


async def test_a_gateway_that_goes_away_is_seen_to(control: Control, gateway: Gateway) -> None:
    await gateway.link.close()
    await until(lambda: only(control).away_since is not None)
    assert only(control).watching_since is None


async def test_a_gateway_that_is_older_than_this_is_served_and_known_by_its_watch(control: Control) -> None:
    link = connect(f"127.0.0.1:{control.port}")
    await link.leases.Release(ReleaseRequest(source=GATEWAY))
    await link.flows.Resolve(ResolveRequest(key_hash=KEY_HASH, endpoint="models", flow_version=99))
    assert control.roster.gateways() == []
    watch = link.flows.Watch(WatchRequest(gateway="spl_old"))
    await watch.read()
    one = only(control)
    assert (one.id, one.said) == ("spl_old", Said())
    watch.cancel()
    await until(lambda: only(control).away_since is not None)
    await link.close()
