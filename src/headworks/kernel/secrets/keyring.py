"""The keyring file: the keys that wrap stored secrets, one `id base64` a line, the newest last. Made at the first start."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from typing import TYPE_CHECKING

from headworks.kernel.ids import new_id
from headworks.kernel.secrets.sealer import Sealer

if TYPE_CHECKING:
    from pathlib import Path

_KEY_BYTES = 32


def open_keyring(path: Path) -> Sealer:
    """The sealer of the keyring at `path`, which is made with mode 0600 where there is none.

    Raises PermissionError when others may read it, and ValueError when it is damaged.
    """
    if not path.exists():
        _create(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        message = f"{path} has mode {mode:04o}, so others may read it; run: chmod 600 {path}"
        raise PermissionError(message)
    keys = dict(_read(path))
    try:
        return Sealer(keys, next(reversed(keys)))
    except (StopIteration, ValueError) as error:
        raise _damaged(path) from error


def _create(path: Path) -> None:
    line = f"{new_id('kek')} {base64.b64encode(os.urandom(_KEY_BYTES)).decode()}\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> list[tuple[str, bytes]]:
    try:
        lines = [line.split() for line in path.read_text(encoding="ascii").splitlines() if line.strip()]
        return [(key_id, base64.b64decode(key, validate=True)) for key_id, key in lines]
    except (ValueError, binascii.Error) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> ValueError:
    return ValueError(
        f"{path} is damaged: each line must hold an id and 32 bytes in base64. Restore it from a backup; without it the "
        "stored provider credentials cannot be read"
    )
