"""The command line's process becomes the role's: what it was told arrives, and nobody else sees it."""

from __future__ import annotations

import os
import pickle
import sys
from typing import TYPE_CHECKING

import pytest

from headworks.bootstrap.settings import Settings
from headworks.entrypoints import process
from headworks.kernel.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

CANARY = "amqp://user:canary-of-this-test@127.0.0.1/headworks"


class Became(Exception):
    """In the place of a program that begins."""


def become(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> list[str]:
    """Hand over; the command line of the program that would begin."""
    commands: list[list[str]] = []

    def execv(_program: str, command: list[str]) -> None:
        commands.append(command)
        raise Became

    monkeypatch.setattr(os, "execv", execv)
    with pytest.raises(Became):
        process.hand_over("gateway", settings)
    (command,) = commands
    return command


def begin(monkeypatch: pytest.MonkeyPatch, command: list[str], entrypoint: Callable[[str], object]) -> int:
    monkeypatch.setattr(process, "_entrypoint", entrypoint)
    monkeypatch.setattr(sys, "argv", ["process", *command[-2:]])
    return process.main()


def test_every_setting_arrives_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Settings.model_validate({"port": 9, "bus_url": CANARY, "trusted_proxies": "10.0.0.0/8", "home": "/x"})
    command = become(monkeypatch, told)
    assert command[:4] == [sys.executable, "-P", "-m", "headworks.entrypoints.process"]
    assert "canary" not in " ".join(command)
    served: list[Settings] = []

    def entrypoint(part: str) -> Callable[[Settings], int]:
        assert part == "gateway"

        def serve(settings: Settings) -> int:
            served.append(settings)
            return 7

        return serve

    assert begin(monkeypatch, command, entrypoint) == 7
    (settings,) = served
    assert {name: getattr(settings, name) for name in Settings.model_fields} == dict(told)
    assert settings.bus_url == Secret(CANARY)
    assert "canary" not in repr(settings)
    with pytest.raises(AttributeError):
        settings.port = 10  # type: ignore[misc]


def test_settings_that_are_too_long_are_no_endless_wait() -> None:
    with pytest.raises(OSError, match="longer than 64 KiB"):
        process.hand_over("gateway", Settings(discovery_addresses={"ollama": "x" * 70_000}))


def test_what_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def entrypoint(_part: str) -> object:
        raise ImportError("No module named 'grpc'")

    assert begin(monkeypatch, become(monkeypatch, Settings()), entrypoint) == 1
    said = capsys.readouterr().err
    assert "not complete: No module named 'grpc'" in said
    assert "headworks[grpc,rabbitmq,postgresql]" in said


def test_a_secret_is_still_copied_by_nobody_else() -> None:
    with pytest.raises(TypeError, match="reveal"):
        pickle.dumps(Secret("x"))
