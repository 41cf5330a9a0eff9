"""Where the control plane's Unix socket lies: in the data folder, unless that makes its path too long."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_PATH = 100
"""Bytes; Linux takes 107 for a Unix socket, macOS 103."""
_BACKLOG = 512


@contextlib.contextmanager
def socket_path(wanted: Path) -> Iterator[Path]:
    """`wanted`, or a short path in a new private folder where `wanted` is too long. The socket is gone at the end."""
    if len(bytes(wanted)) > _LONGEST_PATH:
        with tempfile.TemporaryDirectory(prefix="headworks-") as folder:
            yield Path(folder) / wanted.name
        return
    # One that a killed process left behind would be in the way.
    wanted.unlink(missing_ok=True)
    try:
        yield wanted
    finally:
        wanted.unlink(missing_ok=True)


def listen(path: Path) -> socket.socket:
    """Take connections there, from now on. The process's umask makes it 0600; the folder around it is 0700."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(_BACKLOG)
    return listener
