from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from headworks.bootstrap.credentials import write_private
from headworks.bootstrap.home import Home, HomeError
from headworks.bootstrap.socket_path import socket_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_data_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "a" / "b")
    home.prepare()
    home.prepare()
    assert mode(home.path) == 0o700
    assert mode(home.spool) == 0o700


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    Home(tmp_path).prepare()
    assert mode(tmp_path) == 0o700


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(HomeError, match=r"thesis\.tex"):
        Home(tmp_path).prepare()
    assert mode(tmp_path) == 0o755


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HomeError, match="HEADWORKS_HOME"):
        Home(tmp_path / "file").prepare()


def test_one_process_holds_it_at_a_time(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.prepare()
    write_private(home.credentials, '{"endpoint": "http://127.0.0.1:8080/v1"}')
    with (
        home.lock(),
        pytest.raises(HomeError, match=f"process {os.getpid()}, which serves http://127.0.0.1:8080/v1"),
        home.lock(),
    ):
        pass
    held = f"process {os.getpid()}, which serves http://127.0.0.1:8080/v1"
    with home.lock(), pytest.raises(HomeError, match=held), home.lock():
        pass
    with home.lock():
        pass


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_private(path, "one")
    write_private(path, "two")
    assert (path.read_text(), mode(path)) == ("two", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_a_socket_lies_in_the_folder(tmp_path: Path) -> None:
    wanted = tmp_path / "s"
    wanted.touch()
    with socket_path(wanted) as path:
        assert path == wanted
        assert not path.exists(), "what a killed process left is taken away"
        path.touch()
    assert not wanted.exists()


def test_a_socket_whose_path_is_too_long_lies_elsewhere(tmp_path: Path) -> None:
    with socket_path(tmp_path / ("x" * 110) / "control.sock") as path:
        assert len(bytes(path)) < 100
        assert mode(path.parent) == 0o700
    assert not path.parent.exists()
