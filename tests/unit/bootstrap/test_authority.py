"""Certificates that two processes believe of each other, and of nobody else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from headworks.bootstrap.authority import CertificateError, issue, issued, make_authority
from headworks.bootstrap.peers import channel_credentials, server_credentials
from headworks.bootstrap.settings import Settings
from headworks.gateway.adapters.control import connect
from headworks.gateway.rpc import Listen
from headworks.kernel.clock import now
from tests.unit.gateway.conftest import World
from tests.unit.gateway.rpc.conftest import Control


def settings_of(folder: Path, name: str, authority: Path | None = None) -> Settings:
    return Settings(
        peer_ca=(authority or folder) / "ca.pem", peer_cert=folder / f"{name}.pem", peer_key=folder / f"{name}-key.pem"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_authority(tmp_path)
    issue(tmp_path, "control", ["localhost", "127.0.0.1"], 30)
    issue(tmp_path, "gateway-1", [], 30)
    return tmp_path


async def asks(
    control: Control, port: int, credentials: grpc.ChannelCredentials | None, host: str = "127.0.0.1"
) -> bool:
    link = connect(f"{host}:{port}", credentials=credentials)
    try:
        stub = health_pb2_grpc.HealthStub(link.channel)
        await stub.Check(health_pb2.HealthCheckRequest(), timeout=20)  # type: ignore[attr-defined]
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
        return False
    finally:
        await link.close()
    return True


async def test_only_whom_the_authority_vouches_for_is_let_in(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    control = Control(World())
    server = await control.made()
    port = await server.start(Listen("127.0.0.1:0", server_credentials(settings_of(folder, "control"))))
    try:
        assert await asks(control, port, channel_credentials(settings_of(folder, "gateway-1")))
        assert await asks(control, port, channel_credentials(settings_of(folder, "gateway-1")), "localhost")
        assert not await asks(control, port, None), "plain text"
        certificate = (folder / "ca.pem").read_bytes()
        assert not await asks(control, port, grpc.ssl_channel_credentials(certificate)), "without a certificate"
        other = tmp_path_factory.mktemp("other")
        make_authority(other)
        issue(other, "gateway-1", [], 30)
        assert not await asks(control, port, channel_credentials(settings_of(other, "gateway-1", folder)))
        assert not await asks(control, port, channel_credentials(settings_of(folder, "gateway-1", other)))
    finally:
        await server.stop(0)


async def test_a_gateway_believes_no_other_host(folder: Path) -> None:
    control = Control(World())
    server = await control.made()
    port = await server.start(Listen("127.0.0.1:0", server_credentials(settings_of(folder, "gateway-1"))))
    try:
        assert not await asks(control, port, channel_credentials(settings_of(folder, "gateway-1")))
    finally:
        await server.stop(0)


def test_keys_are_their_owners_alone(folder: Path) -> None:
    for name in ("ca", "control", "gateway-1"):
        assert (folder / f"{name}-key.pem").stat().st_mode & 0o777 == 0o600
    assert [one.name for one in issued(folder)] == ["ca", "control", "gateway-1"]
    assert issued(folder)[1].hosts == ("localhost", "127.0.0.1")
    assert issued(folder)[2].expires_at - now() < timedelta(days=31)


def test_a_second_authority_is_refused(folder: Path) -> None:
    before = (folder / "ca.pem").read_bytes()
    with pytest.raises(CertificateError, match="already"):
        make_authority(folder)
    assert (folder / "ca.pem").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "hosts", "days", "words"),
    [
        ("ca", [], 1, "names no process"),
        ("../x", [], 1, "names no process"),
        ("", [], 1, "names no process"),
        ("Gateway", [], 1, "names no process"),
        ("g", ["a b"], 1, "is no host"),
        ("g", ["http://x"], 1, "is no host"),
        ("g", [], 0, "1 to 825"),
        ("g", [], 826, "1 to 825"),
    ],
)
def test_bad_wishes_change_nothing(folder: Path, name: str, hosts: list[str], days: int, words: str) -> None:
    before = sorted(folder.iterdir())
    with pytest.raises(CertificateError, match=words):
        issue(folder, name, hosts, days)
    assert sorted(folder.iterdir()) == before


def test_without_an_authority_it_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="headworks certs authority"):
        issue(tmp_path, "control", [], 30)
    (tmp_path / "ca.pem").write_text("x")
    (tmp_path / "ca-key.pem").write_text("x")
    with pytest.raises(CertificateError, match="cannot be read"):
        issue(tmp_path, "control", [], 30)
    with pytest.raises(CertificateError, match="cannot be read"):
        issued(tmp_path)
