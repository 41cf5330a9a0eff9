from __future__ import annotations

import copy
import pickle
import ssl
from pathlib import Path

import pytest

from headworks.kernel.database import Address, BadAddress, address
from headworks.kernel.secrets import Secret

PASSWORD = "canary/pass@word"
QUOTED = "canary%2Fpass%40word"


def parse(url: str) -> Address:
    return Address.parse(Secret(url))


@pytest.mark.parametrize(
    ("url", "shown", "driver"),
    [
        (f"postgresql://me:{QUOTED}@db:6000/app", "postgresql at db:6000, database app", "postgresql+asyncpg"),
        (f"postgres://me:{QUOTED}@db/app", "postgresql at db:5432, database app", "postgresql+asyncpg"),
        (f"mariadb://me:{QUOTED}@db/app", "mariadb at db:3306, database app", "mysql+asyncmy"),
        (f"mysql://me:{QUOTED}@[::1]:1/app", "mysql at ::1:1, database app", "mysql+asyncmy"),
        (
            f"postgresql://me:{QUOTED}@/app?socket=/run/pg",
            "postgresql at /run/pg, database app",
            "postgresql+asyncpg",
        ),
        (f"mysql://me:{QUOTED}@/app?socket=/run/m.sock", "mysql at /run/m.sock, database app", "mysql+asyncmy"),
    ],
)
def test_a_url_is_read(url: str, shown: str, driver: str) -> None:
    found = parse(url)
    assert str(found) == shown
    given = found.url()
    assert (given.drivername, given.username, given.password, given.database) == (driver, "me", PASSWORD, "app")


def test_nothing_shows_the_password() -> None:
    found = parse(f"postgresql://me:{QUOTED}@db/app")
    for shown in (str(found), repr(found), f"{found}", str(found.url()), repr(found.url())):
        assert "canary" not in shown
    for spread in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            spread(found)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:///canary.db", "SQLite needs no URL"),
        ("postgresql+psycopg2://me:canary@db/app", "leave the driver out of it: postgresql://"),
        ("oracle://me:canary@db/app", "no kind that is known"),
        ("postgresql://me:canary@db", "names no database"),
        ("postgresql://me:canary@db/", "names no database"),
        ("me:canary@db/app", "no URL of a database"),
        ("postgresql://me:canary@db:port/app", "no URL of a database"),
        ("postgresql://me:pw@db/app?canary=1", "option that is not known"),
        ("postgresql://me:pw@db/app?sslmode=require&sslmode=canary", "one twice"),
        ("postgresql://me:pw@db/app?sslmode=canary", "sslmode must be one of disable, require"),
        ("mysql://me:pw@/app?socket=canary", "socket must be a path from the root"),
    ],
)
def test_a_url_that_cannot_be_used_is_explained_and_not_repeated(url: str, words: str) -> None:
    with pytest.raises(BadAddress) as caught:
        parse(url)
    assert words in str(caught.value)
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_a_missing_driver_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "find_spec", lambda _name: None)
    with pytest.raises(BadAddress, match=r"asyncpg is not installed; run: pip install 'headworks\[postgresql\]'"):
        parse("postgresql://db/app")
    with pytest.raises(BadAddress, match=r"asyncmy is not installed; run: pip install 'headworks\[mysql\]'"):
        parse("mariadb://db/app")


@pytest.mark.parametrize(
    ("where", "verify", "names"),
    [
        ("db/app", ssl.CERT_REQUIRED, True),
        ("db/app?sslmode=verify-full", ssl.CERT_REQUIRED, True),
        ("db/app?sslmode=verify-ca", ssl.CERT_REQUIRED, False),
        ("db/app?sslmode=require", ssl.CERT_NONE, False),
        ("127.0.0.1/app?sslmode=require", ssl.CERT_NONE, False),
    ],
)
def test_other_machines_must_prove_who_they_are(where: str, verify: ssl.VerifyMode, *, names: bool) -> None:
    context = parse(f"postgresql://{where}").tls_context()
    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (verify, names)


@pytest.mark.parametrize(
    "where", ["127.0.0.1/app", "localhost/app", "[::1]/app", "/app?socket=/run", "db/app?sslmode=disable"]
)
def test_this_machine_is_spoken_to_in_the_clear(where: str) -> None:
    assert parse(f"mysql://{where}").tls_context() is None


def test_authorities_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadAddress, match="sslrootcert cannot be read"):
        parse(f"mysql://db/app?sslrootcert={tmp_path / 'none.pem'}").tls_context()
    (tmp_path / "bad.pem").write_text("no certificate")
    with pytest.raises(BadAddress, match="sslrootcert cannot be read"):
        parse(f"mysql://db/app?sslrootcert={tmp_path / 'bad.pem'}").tls_context()
