from __future__ import annotations

from pathlib import Path

import pytest

from headworks.kernel.errors import Invalid
from headworks.kernel.secrets import CredentialUnresolved, parse_reference, resolve_reference


def test_a_variable_is_read() -> None:
    assert resolve_reference("env:MY_KEY", {"MY_KEY": " sk-1\n"}).reveal() == "sk-1"


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-2\n")
    assert resolve_reference(f"file:{tmp_path / 'key'}", {}).reveal() == "sk-2"


@pytest.mark.parametrize("environment", [{}, {"MY_KEY": ""}, {"MY_KEY": "  "}])
def test_a_variable_that_is_not_there_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(CredentialUnresolved, match="MY_KEY is not set where the server runs"):
        resolve_reference("env:MY_KEY", environment)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CredentialUnresolved, match=str(tmp_path)):
        resolve_reference(f"file:{tmp_path / 'none'}", {})
    (tmp_path / "empty").touch()
    with pytest.raises(CredentialUnresolved, match="is empty"):
        resolve_reference(f"file:{tmp_path / 'empty'}", {})
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(CredentialUnresolved, match="cannot read"):
        resolve_reference(f"file:{tmp_path / 'binary'}", {})


@pytest.mark.parametrize("text", ["", "env:", "env:1A", "env:A B", "file:relative", "file:/a\0b", "vault:x", "sk-123"])
def test_anything_else_is_no_reference(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_reference(text, "credential")
    assert caught.value.details[0].field == "credential"
