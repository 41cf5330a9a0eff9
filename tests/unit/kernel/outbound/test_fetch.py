"""One call to an address that somebody wrote down, on real sockets."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from headworks.kernel.outbound.fetch import Answer, Call, NotFetched, Outbound
from headworks.kernel.outbound.networks import Address
from tests.support.certificates import write_certificate
from tests.support.scripted import Reply, ScriptedServer


@dataclass
class Resolver:
    """Says one thing after the other of every name, as who wants to rebind it does."""

    answers: list[list[str]]
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append((host, port))
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ipaddress.ip_address(one) for one in found]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        server.on("GET", "/x", Reply({"a": 1}))
        yield server


async def why(outbound: Outbound, call: Call, *, private_networks: bool = True) -> str:
    with pytest.raises(NotFetched) as refused:
        await outbound.fetch(call, private_networks=private_networks)
    return refused.value.message


async def test_what_was_judged_is_what_is_called(server: ScriptedServer) -> None:
    """A name that changes its mind after it was judged gains nothing: it is asked once."""
    resolver = Resolver([["127.0.0.1"], ["169.254.169.254"]])
    answer = await Outbound(resolver).fetch(Call(f"http://localhost:{server.port}/x"), private_networks=True)
    assert answer.json_object() == {"a": 1}
    assert resolver.asked == [("localhost", server.port)]
    assert server.asked[0].headers["host"] == f"localhost:{server.port}"


@pytest.mark.parametrize("private_networks", [True, False])
@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "0.0.0.1", "224.0.0.1", "fe80::1", "::", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "fd00:ec2::254"],
)  # fmt: skip
async def test_a_name_that_leads_where_nobody_goes(address: str, *, private_networks: bool) -> None:
    outbound = Outbound(Resolver([[address]]))
    said = await why(outbound, Call("https://id.example/"), private_networks=private_networks)
    assert "may not be called" in said


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "fd00::1", "::ffff:10.0.0.1", "100.64.0.1"])
async def test_a_name_that_leads_to_a_private_address_needs_leave(address: str) -> None:
    said = await why(Outbound(Resolver([[address]])), Call("https://id.example/"), private_networks=False)
    assert "may not be called" in said


async def test_plain_http_never_leaves_this_machine() -> None:
    for url, resolver in (
        ("http://id.example/", Resolver([["127.0.0.1"]])),
        ("http://10.0.0.1/", Resolver([["10.0.0.1"]])),
        ("http://localhost/", Resolver([["10.0.0.1"]])),
        ("http://localhost/", Resolver([["1.1.1.1"]])),
    ):
        said = await why(Outbound(resolver), Call(url))
        assert "https://" in said or "may not be called" in said
    assert "https://" in await why(
        Outbound(Resolver([["127.0.0.1"]])), Call("http://127.0.0.1/"), private_networks=False
    )


@pytest.mark.parametrize("url", ["", "x", "https://", "file:///etc/passwd", "https://u:p@id.example", "https://id.example/#x", "https://[::1", "gopher://id.example"])  # fmt: skip
async def test_what_is_no_address(url: str) -> None:
    assert "address" in await why(Outbound(Resolver([["1.1.1.1"]])), Call(url))


async def test_an_address_that_does_not_answer_is_passed_over(server: ScriptedServer) -> None:
    resolver = Resolver([["::1", "127.0.0.1"]])
    answer = await Outbound(resolver).fetch(Call(f"http://localhost:{server.port}/x"), private_networks=True)
    assert answer.status == 200
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert "cannot be reached" in await why(Outbound(Resolver([["127.0.0.1"]])), Call(f"http://127.0.0.1:{port}/"))


async def test_what_takes_too_long_or_is_too_long(server: ScriptedServer) -> None:
    server.on("GET", "/long", Reply(b"x" * 2_000))
    here = f"http://127.0.0.1:{server.port}"
    assert "more than 1999 bytes" in await why(Outbound(), Call(f"{here}/long", most_bytes=1_999))
    assert len((await Outbound().fetch(Call(f"{here}/long", most_bytes=2_000), private_networks=True)).body) == 2_000
    with socket.create_server(("127.0.0.1", 0)) as silent:
        call = Call(f"http://127.0.0.1:{silent.getsockname()[1]}/")
        assert "did not answer within 0.2 s" in await why(Outbound(seconds=0.2), call)


async def test_redirects_are_not_followed(server: ScriptedServer) -> None:
    server.on("GET", "/away", Reply(status=302, headers={"location": "/x"}))
    assert "redirect" in await why(Outbound(), Call(f"http://127.0.0.1:{server.port}/away"))
    assert [one.path for one in server.asked] == ["/away"]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"7", b"\xff", b"[" * 100_000])
def test_what_is_no_object(body: bytes) -> None:
    with pytest.raises(NotFetched):
        Answer(200, body).json_object()


async def test_the_certificate_must_bear_the_name(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection goes to an address, and the name that was asked for is the one that counts."""
    certificate, key = write_certificate(tmp_path, "id.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server._http.socket = context.wrap_socket(server._http.socket, server_side=True)
    resolver = Resolver([["127.0.0.1"]])
    unknown = await why(Outbound(resolver), Call(f"https://id.example:{server.port}/x"))
    assert "certificate" in unknown
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    for place in ("id.example", "127.0.0.1"):
        answer = await Outbound(resolver).fetch(Call(f"https://{place}:{server.port}/x"), private_networks=True)
        assert answer.status == 200
    other = await why(Outbound(resolver), Call(f"https://other.example:{server.port}/x"))
    assert "certificate" in other
