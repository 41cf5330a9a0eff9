"""What is said when a server's programs are not on this machine."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Missing(Exception):
    """A program is not installed; the text names it and the package that holds it."""


def program(name: str, package: str, folders: Iterable[Path] = ()) -> str:
    """The path of a program, in `folders` or on the path. Raises Missing."""
    for folder in folders:
        if (folder / name).exists():
            return str(folder / name)
    found = shutil.which(name, path=None) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        message = f"{name} is not installed (Debian, Ubuntu: apt install {package}), so nothing was tried on it"
        raise Missing(message)
    return found
