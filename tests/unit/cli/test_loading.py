"""One command loads no other, and the table of contents says of each what it says of itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from headworks.entrypoints.cli.contents import CONTENTS, Entry
from headworks.entrypoints.cli.loading import load
from tests.unit.cli.conftest import Run

PACKAGE = "headworks.entrypoints.cli."
LONGER_THAN_ANY = 1_000


@pytest.mark.parametrize("entry", CONTENTS, ids=lambda entry: entry.name)
def test_the_contents_say_of_a_command_what_it_says_of_itself(entry: Entry) -> None:
    command = load(entry)
    assert command.name == entry.name
    assert command.get_short_help_str(LONGER_THAN_ANY) == entry.summary


def test_no_command_is_there_twice() -> None:
    names = [entry.name for entry in CONTENTS]
    assert len(set(names)) == len(names)


def test_the_root_lists_all_of_them(run: Run) -> None:
    shown = run("--help").out.partition("Commands:")[2]
    assert [line.split()[0] for line in shown.splitlines() if line.strip()] == [entry.name for entry in CONTENTS]


def test_a_misspelt_command_is_told_its_neighbours(run: Run) -> None:
    ran = run("modls")
    assert ran.status == 2
    assert "Did you mean 'models'" in ran.err


@pytest.mark.parametrize(("arguments", "loaded"), [(["--help"], set()), (["version"], {"version"})])
def test_a_command_loads_no_other(arguments: list[str], loaded: set[str]) -> None:
    program = (
        f"import sys\nsys.path[:0] = {sys.path}\nfrom headworks.entrypoints.cli import main\n"
        f"sys.argv = ['headworks', *{arguments}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print(*(name for name in sys.modules if name.startswith({PACKAGE!r})))"
    )
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603
    modules = {name.removeprefix(PACKAGE) for name in ran.stdout.splitlines()[-1].split()}
    commands = {entry.place.partition(":")[0] for entry in CONTENTS}
    assert modules & commands == loaded
