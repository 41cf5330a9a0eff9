"""What pyproject.toml says of the packages is true of the folders."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import headworks

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "headworks"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS = {contract["id"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]}
ROOMS = ("adapters", "commands", "queries", "ports", "domain")


def contexts() -> set[str]:
    return {
        folder.name
        for folder in SOURCE.iterdir()
        if any((folder / f"{room}{end}").exists() for room in ROOMS for end in ("", ".py"))
    }


def test_every_context_keeps_its_inside_to_itself() -> None:
    for context in contexts():
        contract = CONTRACTS[f"private-{context}"]
        inside = {f"headworks.{context}.{room}" for room in ROOMS if _is_module(SOURCE / context / room)}
        assert set(contract["protected_modules"]) == inside, context
        assert set(contract["allowed_importers"]) == {f"headworks.{context}", "headworks.bootstrap"}, context


def test_every_context_has_the_shape() -> None:
    assert set(CONTRACTS["shape"]["containers"]) == {f"headworks.{context}" for context in contexts()}


def test_the_version_is_that_of_the_workspace() -> None:
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())
    assert headworks.__version__ == cargo["workspace"]["package"]["version"]


def _is_module(path: Path) -> bool:
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()
