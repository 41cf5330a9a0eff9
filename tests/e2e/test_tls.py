"""The front door with a certificate: HTTPS, and HTTP/2 where the client offers it."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from typing import TYPE_CHECKING

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.child import Failure, eventually
from tests.support.headworks import Headworks
from tests.support.wire import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "headworks test")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36_500))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return certificate_file, key_file


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
