"""A bash that blocks of a page are pasted into, one after the other, as a reader does."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Self

from tests.support.child import FOREIGN_SETTINGS, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_END = "--- end of the block ---"
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks_of(page: Path) -> list[str]:
    """What the page tells its reader to type, block by block."""
    found = _BLOCK.findall(page.read_text(encoding="utf-8"))
    assert found, f"{page} has no block of commands"
    return found


class Terminal:
    """It remembers variables from block to block, has nobody who types, and ends at the first command that fails."""

    def __init__(self, folder: Path, path: str, settings: Mapping[str, str]) -> None:
        """`folder` is its home, and where it begins; `path` comes before the system's."""
        self.folder = folder
        inherited = os.environ.items()  # noqa: TID251 - handed on to the child, not read
        clean = {name: value for name, value in inherited if not name.startswith((*FOREIGN_SETTINGS, "XDG_"))}
        self._bash = subprocess.Popen(
            ["/bin/bash", "--noprofile", "--norc"],
            cwd=folder,
            env=clean | {"HOME": str(folder), "PATH": f"{path}:{clean['PATH']}"} | dict(settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._blocks = 0

    def __enter__(self) -> Self:
        """What it started in the background ends with it."""
        self._type("set -euo pipefail; trap 'jobs -p | xargs -r kill' EXIT")
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.close()
        self._bash.stdout.close()
        try:
            self._bash.wait(10)
        except subprocess.TimeoutExpired:
            self._bash.kill()
            self._bash.wait()

    def paste(self, block: str) -> str:
        """What the block printed. Raises Failure when one of its commands failed."""
        self._blocks += 1
        file = self.folder / f"block-{self._blocks}.sh"
        file.write_text(block, encoding="utf-8")
        # On a line of its own, whatever the block printed last.
        self._type(f"source {file} </dev/null; printf '\\n%s\\n' '{_END}'")
        assert self._bash.stdout is not None
        lines: list[str] = []
        for line in self._bash.stdout:
            if line.rstrip("\n") == _END:
                return "".join(lines)
            lines.append(line)
        message = f"a command of this block failed:\n{block}\nIt said:\n{''.join(lines)}"
        raise Failure(message)

    def _type(self, line: str) -> None:
        assert self._bash.stdin is not None
        self._bash.stdin.write(f"{line}\n")
        self._bash.stdin.flush()
