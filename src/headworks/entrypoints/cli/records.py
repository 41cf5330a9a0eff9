"""Reading JSON objects of the API without trusting them: a missing or odd field shows as nothing, never as a crash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Record: TypeAlias = Mapping[str, object]


def record(value: object) -> Record:
    """`value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def records(value: object) -> list[Record]:
    """The JSON objects of the list `value`; none when it is something else."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def text(source: Record, name: str, missing: str = "") -> str:
    """The field as text; `missing` where it is absent or null."""
    value = source.get(name)
    return missing if value is None else str(value)


def number(source: Record, name: str) -> int:
    """The field as a whole number; 0 where it is anything else."""
    value = source.get(name)
    return value if isinstance(value, int) else 0


def texts(source: Record, name: str) -> list[str]:
    """The strings of a list field."""
    value = source.get(name)
    return [str(item) for item in value] if isinstance(value, list) else []
