"""What is printed steers no terminal, and heavy libraries are loaded by those who need them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from headworks.entrypoints.cli.output import printable
from tests.unit.cli.conftest import Run, page

if TYPE_CHECKING:
    from tests.support.scripted import ScriptedServer

HEAVY = ("fastapi", "sqlalchemy", "uvicorn", "alembic", "httpx", "rich", "pydantic", "structlog", "cryptography")


def test_control_characters_are_spelled_out() -> None:
    assert printable("a\x1b[31mb\r\n\u202e") == r"a\x1b[31mb\r\n\u202e"
    assert printable("Zürich 東京") == "Zürich 東京"


def test_names_from_elsewhere_are_not_markup(server: ScriptedServer, run: Run) -> None:
    server.on("GET", "/api/v1/providers", page({"name": "[red]x[/red]\x1b[2J", "origin": "manual"}))
    out = run("providers", "list").out
    assert r"[red]x[/red]\x1b[2J" in out
    assert "\x1b" not in out


def test_a_table_in_a_pipe_is_not_wrapped(server: ScriptedServer, run: Run) -> None:
    server.on("GET", "/api/v1/providers", page({"name": "n" * 300, "origin": "manual"}))
    assert "n" * 300 in run("providers", "list").out


def test_help_loads_nothing_heavy() -> None:
    program = (
        f"import sys\nsys.path[:0] = {sys.path}\nfrom headworks.entrypoints.cli import main\n"
        "sys.argv = ['headworks', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603
    assert ran.stdout.splitlines()[-1] == "[]"
