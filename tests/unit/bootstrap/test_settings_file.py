"""Settings in a file: what it may say, to whom, and what wins over it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from headworks.bootstrap import settings_file
from headworks.bootstrap.settings import Settings, SettingsError, load_settings

Write = Callable[..., Path]
"""Of the text, and the file's mode."""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a settings file that its owner alone may read."""

    def written(text: str, mode: int = 0o600) -> Path:
        path = tmp_path / "headworks.toml"
        path.write_text(text)
        path.chmod(mode)
        return path

    return written


def test_a_file_is_weaker_than_a_variable_and_that_than_an_option(write: Write) -> None:
    file = settings_file.read(write('port = 9000\nhost = "::1"\nlog_level = "debug"\n')).for_role("up")
    settings = load_settings(
        {"HEADWORKS_HOST": "127.0.0.9", "HEADWORKS_LOG_LEVEL": "error"}, {"log_level": "warning"}, file
    )
    assert (settings.port, settings.host, settings.log_level) == (9000, "127.0.0.9", "warning")


def test_a_section_is_for_one_role(write: Write) -> None:
    found = settings_file.read(write("port = 9000\nworkers = 2\n[gateway]\nport = 9001\n[usage]\nport = 9002\n"))
    assert [found.for_role(role).values["port"] for role in ("gateway", "usage", "control", "up", None)] == [
        9001,
        9002,
        9000,
        9000,
        9000,
    ]
    assert found.for_role("gateway").values["workers"] == 2
    assert found.section("gateway").values == {"port": 9001}


def test_lists_tables_and_places(write: Write) -> None:
    text = 'trusted_proxies = ["10.0.0.0/8"]\ndiscovery = false\n[discovery_addresses]\nollama = "http://h/v1"\nopenai = "x"\n'
    settings = load_settings(
        {"HEADWORKS_DISCOVERY_URL_OPENAI": ""}, None, settings_file.read(write(text)).for_role("up")
    )
    assert settings.trusted_proxies == ("10.0.0.0/8",)
    assert not settings.discovery
    assert settings.discovery_addresses == {"ollama": "http://h/v1", "openai": ""}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prot = 1", ["prot in ", "did you mean port"]),
        ("[gatway]\nport = 1", ["gatway in ", "did you mean gateway"]),
        ("[gateway]\nprot = 1", ["prot in [gateway] of ", "did you mean port"]),
        ("HEADWORKS_PORT = 1", ["HEADWORKS_PORT in ", "write port"]),
        ("port = ", ["is no TOML"]),
        ("port = 1\nport = 2", ["is no TOML"]),
        ("\xff", ["is no TOML"]),
        ("a = " + "[" * 5_000, ["is no TOML"]),
        ("#" * (2 << 20), ["longer than"]),
    ],
)
def test_what_is_no_setting_is_told(write: Write, text: str, words: list[str]) -> None:
    path = write(text)
    with pytest.raises(SettingsError) as wrong:
        settings_file.read(path)
    assert all(word in str(wrong.value) for word in (*words, str(path))), str(wrong.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "headworks.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="no TOML"):
        settings_file.read(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('port = "many"', "port in "),
        ("[gateway]\nport = 70000", "port in [gateway] of "),
        ("port = 2026-01-01", "port in "),
        ("port = [1]", "port in "),
        ("host = {}", "host in "),
        ("trusted_proxies = 7", "trusted_proxies in "),
        ("discovery_addresses = 7", "dictionary"),
        ("database_url = 7", "database_url in "),
    ],
)
def test_a_wrong_value_is_told_with_its_place(write: Write, text: str, words: str) -> None:
    filed = settings_file.read(write(text)).for_role("gateway")
    with pytest.raises(SettingsError) as wrong:
        load_settings({}, None, filed)
    assert words in str(wrong.value)
    assert "HEADWORKS_" not in str(wrong.value).split(":")[0]


def test_a_secret_that_everybody_reads_is_refused(write: Write) -> None:
    text = '[usage]\nbus_url = "amqp://u:canary@h/v"'
    with pytest.raises(SettingsError, match="chmod o-r") as wrong:
        settings_file.read(write(text, 0o644))
    assert "canary" not in str(wrong.value)
    assert settings_file.read(write(text, 0o640)).for_role("usage").values["bus_url"]
    assert settings_file.read(write("port = 1", 0o644)).common == {"port": 1}


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    nothing = settings_file.in_folder(tmp_path)
    assert (nothing.common, nothing.sections, nothing.for_role("up").places) == ({}, {}, {})
    with pytest.raises(SettingsError, match="No such file"):
        settings_file.read(tmp_path / "nowhere.toml")
    (tmp_path / "headworks.toml").mkdir()
    with pytest.raises(SettingsError, match="directory"):
        settings_file.in_folder(tmp_path)


@pytest.mark.parametrize("text", ['home = "/x"', '[up]\nhome = "/x"'])
def test_a_file_that_was_found_by_the_folder_names_no_other(write: Write, text: str) -> None:
    path = write(text)
    with pytest.raises(SettingsError, match="--config"):
        settings_file.in_folder(path.parent)
    assert settings_file.read(path).path == path


def test_the_example_is_every_setting_as_it_is_by_default(write: Write) -> None:
    lines = list(settings_file.example())
    assignments = [line.removeprefix("# ") for line in lines if line.startswith("# ") and " = " in line[:40]]
    names = [line.split(" = ")[0] for line in assignments]
    assert names == list(Settings.model_fields)
    kept = [
        line for line in assignments if not line.startswith("home =") and not line.startswith("discovery_addresses")
    ]
    set_ones = [line for line in kept if not line.endswith('= "…"')]
    filed = settings_file.read(write("\n".join(set_ones))).for_role("up")
    assert load_settings({}, None, filed) == load_settings({})
    assert tomllib.loads("\n".join(lines)) == {}
