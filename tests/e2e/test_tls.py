"""The front door with a certificate: HTTPS, and HTTP/2 where the client offers it."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.certificates import write_certificate
from tests.support.child import Failure, eventually
from tests.support.headworks import Headworks
from tests.support.wire import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, dict[str, str]]:
    """What a client trusts, and the settings of the server."""
    certificate, key = write_certificate(tmp_path_factory.mktemp("certificate"))
    return ssl.create_default_context(cafile=certificate), {"tls_cert": str(certificate), "tls_key": str(key)}


@pytest.fixture(scope="module")
def secure(
    trust: tuple[ssl.SSLContext, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Headworks]:
    """A gateway with that certificate."""
    context, settings = trust
    headworks = Headworks(tmp_path_factory.mktemp("secure") / "home", **settings)
    with headworks.start(ready=False).child:

        def is_ready() -> bool:
            if not headworks.child.alive:
                raise Failure(headworks.child.output())
            try:
                address = f"https://127.0.0.1:{headworks.port}/health/ready"
                return httpx.get(address, verify=context, trust_env=False).is_success
            except httpx.TransportError:
                return False

        eventually(is_ready, what="Headworks ready", seconds=60)
        yield headworks


def test_the_endpoint_says_https_and_answers(trust: tuple[ssl.SSLContext, dict[str, str]], secure: Headworks) -> None:
    assert secure.credentials.endpoint.startswith("https://")
    answer = httpx.post(
        f"{secure.credentials.endpoint}/chat/completions",
        json={"model": "headworks/echo", "messages": [{"role": "user", "content": "hush"}]},
        headers={"authorization": f"Bearer {secure.credentials.api_key}"},
        verify=trust[0],
        trust_env=False,
    )
    assert answer.status_code == httpx.codes.OK
    assert "hush" in answer.json()["choices"][0]["message"]["content"]


def test_http2_is_agreed_on(trust: tuple[ssl.SSLContext, dict[str, str]], secure: Headworks) -> None:
    for offered, agreed in ((["h2", "http/1.1"], "h2"), ([], None)):
        context = ssl.create_default_context(cafile=trust[1]["tls_cert"])
        if offered:
            context.set_alpn_protocols(offered)
        with (
            Connection(secure.port) as connection,
            context.wrap_socket(connection.socket, server_hostname="127.0.0.1") as wrapped,
        ):
            assert wrapped.selected_alpn_protocol() == agreed


def test_plain_text_is_not_answered_as_if_it_were_secure(secure: Headworks) -> None:
    with Connection(secure.port) as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n")
        assert b"200" not in connection.socket.recv(4096)
