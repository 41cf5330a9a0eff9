"""No float touches an amount: nothing that makes one is written where money is."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src" / "headworks"
FILES = sorted({*(ROOT / "ledger").rglob("*.py"), *(ROOT / "usage").rglob("*.py"), ROOT / "kernel" / "money.py"})


def floats(source: str) -> list[int]:
    """Lines with a float: the literal, the type, the division that makes one, and the functions that give one."""
    found = []
    for node in ast.walk(ast.parse(source)):
        literal = isinstance(node, ast.Constant) and isinstance(node.value, (float, complex))
        named = isinstance(node, ast.Name) and node.id in {"float", "complex", "Decimal", "Float", "Numeric", "REAL"}
        divided = isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div)
        given = isinstance(node, ast.Attribute) and node.attr in {
            "total_seconds",
            "timestamp",
            "fsum",
            "Float",
            "Numeric",
        }
        if literal or named or divided or given:
            found.append(getattr(node, "lineno", 0))
    return found


CLOCKS = {"ledger/tasks.py": 1, "usage/tasks.py": 1, "usage/adapters/parquet.py": 1}
"""Places where seconds are measured on the monotonic clock, which gives floats, and where a column of moments is declared:
never amounts.
"""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_float_is_near_money(path: Path) -> None:
    allowed = CLOCKS.get(str(path.relative_to(ROOT)), 0)
    found = floats(path.read_text(encoding="utf-8"))
    assert len(found) == allowed, f"floats in lines {found}"


@pytest.mark.parametrize(
    "source", ["x = 1.5", "x = 1e3", "x = 3 / 2", "x /= 2", "def f(x: float): ...", "x = at.timestamp()", "x = 1j"]
)
def test_the_rule_sees_floats(source: str) -> None:
    assert floats(source)
