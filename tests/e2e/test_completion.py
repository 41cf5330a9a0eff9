"""The Tab key in real shells, with what `headworks completion` prints."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.rig import Rig

BASH = """
source <(headworks completion bash)
COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_headworks_completion headworks
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ZSH = """
compdef() {{ }}
_arguments() {{ print -r -- "$@" }}
eval "$(headworks completion zsh)"
words=({line}); CURRENT=$#words
_headworks_completion
"""
FISH = """
headworks completion fish | source
complete -C '{line}'
"""


def said(shell: str, script: str, line: str, rig: Rig, folder: Path) -> str:
    """What the shell offers for the line."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed (Debian: apt install {shell})")
    environment = {
        "HEADWORKS_HOME": str(rig.headworks.home),
        "HEADWORKS_PORT": str(rig.headworks.port),
        "HOME": str(folder),
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
    }
    done = subprocess.run(  # noqa: S603 - a shell of this machine
        [program, "-c", script.format(line=line)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == "", done
    return done.stdout


@pytest.mark.parametrize(
    ("shell", "script"), [("bash", BASH), ("zsh", ZSH), ("fish", FISH)], ids=["bash", "zsh", "fish"]
)
def test_commands_and_names(rig: Rig, tmp_path: Path, shell: str, script: str) -> None:
    commands = said(shell, script, "headworks mod", rig, tmp_path)
    assert "models" in commands
    assert "members" not in commands
    names = said(shell, script, "headworks models show headworks/", rig, tmp_path)
    assert "headworks/echo" in names
