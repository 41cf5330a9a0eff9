"""What the role `gateway` loads: it is measured by how soon it starts and by the memory it takes, and it knows of no context."""

from __future__ import annotations

import subprocess
import sys

import pytest

CONTEXTS = frozenset({"audit", "catalog", "identity", "jobs", "ledger", "limits", "migrations", "usage"})
LARGE = frozenset({"cryptography", "fastapi", "pydantic", "rich", "sqlalchemy", "starlette", "typer", "uvicorn"})
"""Libraries of which each would be a twentieth of what a gateway takes, or more."""


@pytest.fixture(scope="module")
def loaded() -> frozenset[str]:
    """The modules of a gateway's process, as it is when it has connected to its broker."""
    modules = (
        "entrypoints.process",
        "entrypoints.gateway",
        "kernel.bus.adapters.rabbitmq.bus",
        "kernel.secrets.cipher",
    )
    imports = ", ".join(f"headworks.{module}" for module in modules)
    program = f"import sys\nsys.path[:0] = {sys.path}\nimport {imports}\nprint(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603
    return frozenset(ran.stdout.split())


def test_a_gateway_loads_no_context_but_its_own(loaded: frozenset[str]) -> None:
    parts = {name.split(".")[1] for name in loaded if name.startswith("headworks.")}
    assert "gateway" in parts
    assert not parts & CONTEXTS


def test_a_gateway_loads_no_large_library(loaded: frozenset[str]) -> None:
    assert "grpc" in loaded
    assert not loaded & LARGE
