"""Connections to database servers over TLS: who is believed, who is not, and that nothing falls back to the clear."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from headworks.kernel.database import Address, DatabaseUnavailable, Schema, new_metadata
from headworks.kernel.database.server_schema import migrate, standing
from headworks.kernel.secrets import Secret
from tests.support.certificates import write_certificate
from tests.support.databases import LIMITS, SERVERS, Databases
from tests.support.servers import KINDS, MariadbServer, Missing, PostgresqlServer
from tests.support.servers.server import Server

SCHEMA = Schema("nothing", new_metadata(), "0001")


@dataclass
class Speaker:
    """A server that speaks TLS, and its certificate."""

    server: Server
    certificate: Path
    database: str

    def address(self, **options: str) -> Address:
        return Address.parse(Secret(self.server.url(self.database, **options)))


@pytest.fixture(scope="module", params=SERVERS)
def speaker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Speaker]:
    certificate, key = write_certificate(tmp_path_factory.mktemp("certificate"))
    try:
        server: Server = KINDS[request.param]()
    except Missing as missing:
        pytest.skip(str(missing))
    names = [shutil.copy(path, server.folder / path.name) for path in (certificate, key)]
    for name in names:
        shutil.chown(name, server.folder.stat().st_uid)
        Path(name).chmod(0o600)
    if isinstance(server, PostgresqlServer):
        server.settings |= {"ssl": "on", "ssl_cert_file": str(names[0]), "ssl_key_file": str(names[1])}
    if isinstance(server, MariadbServer):
        server.options = (f"--ssl-cert={names[0]}", f"--ssl-key={names[1]}")
    server.start()
    yield Speaker(server, certificate, server.new_database())
    server.close()


def test_a_certificate_that_is_believed_opens(speaker: Speaker) -> None:
    for mode in ("verify-full", "verify-ca", "require"):
        address = speaker.address(sslmode=mode, sslrootcert=str(speaker.certificate))
        asyncio.run(migrate(address, SCHEMA, LIMITS))
        assert asyncio.run(standing(address, SCHEMA, LIMITS)).may_serve


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca"])
def test_a_certificate_of_nobody_does_not(speaker: Speaker, mode: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"(?i)certificate"):
        asyncio.run(standing(speaker.address(sslmode=mode), SCHEMA, LIMITS))


@pytest.mark.parametrize("engine", SERVERS)
def test_a_server_without_tls_is_not_spoken_to_in_the_clear(engine: str, databases: Databases) -> None:
    plain = databases.new(engine)
    assert asyncio.run(standing(plain, SCHEMA, LIMITS)).condition == "missing"
    url = databases.servers.get(engine).url(plain.database, sslmode="require")
    with pytest.raises(DatabaseUnavailable, match="cannot be used"):
        asyncio.run(standing(Address.parse(Secret(url)), SCHEMA, LIMITS))
