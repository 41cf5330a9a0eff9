from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from headworks.bootstrap.credentials import Credentials, endpoint_of, read_credentials
from headworks.bootstrap.settings import Settings
from headworks.identity.facade import FirstKeys
from headworks.kernel.secrets import Secret

KEYS = FirstKeys(Secret("hw_sk_1"), Secret("hw_mk_1"))


def test_keys_and_place_are_written(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    credentials = Credentials(path, "http://127.0.0.1:0/v1")
    assert not credentials.usable
    credentials.keep(KEYS)
    credentials.point_to("http://127.0.0.1:9000/v1")
    assert json.loads(path.read_text()) == {
        "endpoint": "http://127.0.0.1:9000/v1",
        "api": "http://127.0.0.1:9000/api/v1",
        "api_key": "hw_sk_1",
        "management_key": "hw_mk_1",
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_later_start_moves_the_place_and_keeps_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    path.write_text('{"api_key": "a", "management_key": "m", "note": "mine"}')
    credentials = Credentials(path, "http://x/v1")
    assert credentials.usable
    credentials.point_to("http://127.0.0.1:1/v1")
    assert (
        read_credentials(path).items() >= {"api_key": "a", "note": "mine", "endpoint": "http://127.0.0.1:1/v1"}.items()
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_is_written_when_nothing_changed(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    Credentials(path, "http://x/v1").keep(KEYS)
    before = path.stat().st_ino
    Credentials(path, "http://y/v1").point_to("http://x/v1")
    assert path.stat().st_ino == before


@pytest.mark.parametrize(
    "content", ["", "[]", "null", "{", '{"api_key": 7, "management_key": "m"}', '{"api_key": "a"}']
)
def test_a_damaged_file_is_not_usable(tmp_path: Path, content: str) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(content)
    assert not Credentials(path, "http://x/v1").usable


@pytest.mark.parametrize(
    ("host", "tls", "address", "endpoint"),
    [
        ("127.0.0.1", None, None, "http://127.0.0.1:8080/v1"),
        ("127.0.0.1", None, "127.0.0.1:41234", "http://127.0.0.1:41234/v1"),
        ("0.0.0.0", None, None, "http://127.0.0.1:8080/v1"),  # noqa: S104 - what somebody may set
        ("::", None, "[::]:8081", "http://[::1]:8081/v1"),
        ("::1", Path("/c"), None, "https://[::1]:8080/v1"),
        ("gateway.example", None, None, "http://gateway.example:8080/v1"),
    ],
)
def test_an_endpoint_is_one_that_works_from_here(
    host: str, tls: Path | None, address: str | None, endpoint: str
) -> None:
    assert endpoint_of(Settings(host=host, tls_cert=tls, tls_key=tls), address) == endpoint
