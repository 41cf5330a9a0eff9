"""What the role `gateway` loads: it is measured by how soon it starts and by the memory it takes, and it knows of no context."""

from __future__ import annotations

import subprocess
import sys

FOREIGN = frozenset({"audit", "catalog", "identity", "jobs", "ledger", "limits", "migrations", "usage"})


def test_a_gateway_loads_no_context_but_its_own() -> None:
    program = (
        f"import sys\nsys.path[:0] = {sys.path}\nimport headworks.entrypoints.gateway\n"
        "print(*(name for name in sys.modules if name.startswith('headworks.')))"
    )
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603
    loaded = {name.split(".")[1] for name in ran.stdout.split()}
    assert "gateway" in loaded
    assert not loaded & FOREIGN
