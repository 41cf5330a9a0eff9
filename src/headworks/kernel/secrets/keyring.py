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
    from collections.abc import Collection, Mapping
    from pathlib import Path

_KEY_BYTES = 32
_PRIVATE = 0o600


def open_keyring(path: Path) -> Sealer:
    """The sealer of the keyring at `path`; see `Keyring`."""
    return Keyring(path).sealer


class Keyring:
    """The keys of one installation, and the sealer that uses them: it goes along when a key is added or dropped."""

    def __init__(self, path: Path) -> None:
        """Open the file at `path`, which is made with mode 0600 where there is none.

        Raises PermissionError when others may read it, and ValueError when it is damaged.
        """
        self._path = path
        if not path.exists():
            _write(path, {new_id("kek"): os.urandom(_KEY_BYTES)})
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            message = f"{path} has mode {mode:04o}, so others may read it; run: chmod 600 {path}"
            raise PermissionError(message)
        self.sealer = _sealer(path, _read(path))

    @property
    def key_ids(self) -> list[str]:
        """The oldest first; the last one seals."""
        return list(_read(self._path))

    def add(self, key_id: str) -> None:
        """A new key of this id, which seals from now on. On the disk before it is used. Raises OSError."""
        self._become({**_read(self._path), key_id: os.urandom(_KEY_BYTES)})

    def drop(self, key_ids: Collection[str]) -> None:
        """Forget keys that nothing is sealed by any more. Raises OSError, and ValueError for the one that seals."""
        if self.sealer.current in key_ids:
            message = "the key that seals is not dropped"
            raise ValueError(message)
        self._become({key_id: key for key_id, key in _read(self._path).items() if key_id not in key_ids})

    def _become(self, keys: Mapping[str, bytes]) -> None:
        _write(self._path, keys)
        self.sealer.adopt(_sealer(self._path, keys))


def _sealer(path: Path, keys: Mapping[str, bytes]) -> Sealer:
    try:
        return Sealer(keys, next(reversed(list(keys))))
    except (StopIteration, ValueError) as error:
        raise _damaged(path) from error


def _write(path: Path, keys: Mapping[str, bytes]) -> None:
    """Whole or not at all, and there after the loss of power: without it the stored secrets are lost."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.writelines(f"{key_id} {base64.b64encode(key).decode()}\n" for key_id, key in keys.items())
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path) -> dict[str, bytes]:
    try:
        lines = [line.split() for line in path.read_text(encoding="ascii").splitlines() if line.strip()]
        return {key_id: base64.b64decode(key, validate=True) for key_id, key in lines}
    except (ValueError, binascii.Error) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> ValueError:
    return ValueError(
        f"{path} is damaged: each line must hold an id and 32 bytes in base64. Restore it from a backup; without it the "
        "stored provider credentials cannot be read"
    )
