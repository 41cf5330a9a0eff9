"""The result of a run as a file: every round's figures, the machine, the versions, and the verdict."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.verdict import Line

VERSION = 1


def assemble(figures: dict[str, Any], machine: dict[str, object], *, quick: bool, label: str | None) -> dict[str, Any]:
    """One document."""
    return {
        "version": VERSION,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "label": label or f"{machine['cores']}-cores-{machine['architecture']}",
        "quick": quick,
        "machine": machine,
        "method": "benchmarks/METHOD.md",
        "figures": figures,
    }


def write(folder: Path, result: dict[str, Any], lines: Sequence[Line]) -> Path:
    """Write it under its date and label; a second one of the same day gets a number."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{result['date']}-{result['label']}"
    path, number = folder / f"{stem}.json", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.json"
    document = result | {"verdict": [asdict(line) for line in lines]}
    path.write_text(json.dumps(rounded(document), indent=1) + "\n", encoding="utf-8")
    return path


def newest(folder: Path) -> dict[str, Any]:
    """The newest result that was not quick. Raises FileNotFoundError where there is none."""
    found = [
        json.loads(path.read_text(encoding="utf-8")) | {"_at": path.stat().st_mtime_ns}
        for path in folder.glob("*.json")
    ]
    kept = [result for result in found if not result["quick"]] or found
    if not kept:
        message = f"there is no result in {folder}; run `make bench` first"
        raise FileNotFoundError(message)
    newest_one: dict[str, Any] = max(kept, key=lambda result: (result["date"], result["_at"]))
    return newest_one


def middle(rounds: Sequence[dict[str, Any]] | None, *path: str) -> float | None:
    """The median over rounds of the figure at `path`; over the undisturbed rounds where there are any."""
    if not rounds:
        return None
    clean = [round_ for round_ in rounds if round_.get("is_clean", True)] or list(rounds)
    values = []
    for round_ in clean:
        value: Any = round_
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None:
            values.append(float(value))
    return median(values) if values else None


def rounded(value: object) -> object:
    """Floats with four digits that count: more would pretend."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return value
