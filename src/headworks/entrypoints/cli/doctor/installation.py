"""The doctor's look at this machine: the extension module, the data folder, its credentials, the disk."""

from __future__ import annotations

import json
import os
import shutil
import stat
from typing import TYPE_CHECKING

from headworks.entrypoints.cli.doctor.report import Check, fail, ok, warn
from headworks.entrypoints.cli.records import record, text
from headworks.entrypoints.cli.server import CREDENTIALS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GIB = 1024**3
_LOW_BYTES = 2 * _GIB
"""Twice the usage spool's usual limit: below it a full disk is near."""
_EMPTY_BYTES = _GIB // 4
_OTHERS = 0o077


def check_installation(home: Path) -> Iterator[Check]:
    """Everything that can be seen without a server."""
    yield _extension()
    if not home.is_dir():
        yield fail(
            "data folder",
            f"{home} does not exist.",
            "Start Headworks once with `headworks up`, or say where its data is with HEADWORKS_HOME or --home.",
        )
        return
    yield _folder(home)
    yield _credentials(home / CREDENTIALS)
    yield _disk(home)


def _extension() -> Check:
    name = "engine"
    try:
        from headworks.dataplane.engine import new_engine  # noqa: PLC0415 - whether this works is the question
    except ImportError as error:
        mend = "Build it with `make up`, or install the wheel for this platform and Python again."
        return fail(name, f"the extension module does not load: {error}", mend)
    return ok(name, f"the extension module loads ({new_engine.__module__}).")


def _folder(home: Path) -> Check:
    name = "data folder"
    facts = home.stat()
    mode = stat.S_IMODE(facts.st_mode)
    if facts.st_uid != os.getuid():
        mend = "Run the command as that user, or set HEADWORKS_HOME to a folder of your own."
        return fail(name, f"{home} belongs to another user (uid {facts.st_uid}).", mend)
    if mode & _OTHERS:
        return fail(name, f"{home} has mode {mode:04o}, so others may look into it.", f"chmod 700 {home}")
    if not os.access(home, os.W_OK | os.X_OK):
        return fail(name, f"{home} cannot be written.", f"chmod 700 {home}")
    return ok(name, f"{home} is private and can be written.")


def _credentials(path: Path) -> Check:
    name = "credentials"
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        stored = record(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return fail(
            name, f"{path} does not exist.", "Start Headworks with `headworks up`: a start without it makes it."
        )
    except (OSError, ValueError) as error:
        return fail(
            name, f"{path} cannot be read: {error}", f"Remove {path} and start Headworks again: it makes a new one."
        )
    if mode & _OTHERS:
        return fail(name, f"{path} has mode {mode:04o}, so others may read the keys in it.", f"chmod 600 {path}")
    absent = [field for field in ("endpoint", "api", "management_key", "api_key") if not text(stored, field)]
    if absent:
        mend = f"Put it back by hand, or remove {path} and start Headworks again: it makes a new one."
        return fail(name, f"{path} lacks {', '.join(absent)}.", mend)
    return ok(name, f"{path} is private and complete.")


def _disk(home: Path) -> Check:
    name = "disk"
    free = _free_bytes(home)
    message = f"{free / _GIB:.1f} GiB free at {home}."
    mend = "Make room: when the disk is full, requests are refused rather than served without a record."
    if free < _EMPTY_BYTES:
        return fail(name, message, mend)
    return warn(name, message, mend) if free < _LOW_BYTES else ok(name, message)


def _free_bytes(path: Path) -> int:
    return shutil.disk_usage(path).free
