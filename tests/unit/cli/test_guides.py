"""The guides are complete by comparison: every error code is explained, every metric has its row."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
TROUBLESHOOTING = ROOT / "docs" / "guides" / "troubleshooting.md"
METRICS = ROOT / "docs" / "reference" / "metrics.md"

RUST_CODES = (
    r'ApiError::new\(\s*[\w.()]+,\s*"[a-z_]+",\s*"([a-z_]+)"',
    r'\b(?:unavailable|unusable|break_off)\(\s*"([a-z_]+)"',
    r'Some\(\(\s*"([a-z_]+)",\s*"',
    r'\([45]\d\d, "((?!invalid_request_error|api_error|rate_limit_error|insufficient_quota)[a-z_]+)"',
)
PYTHON_CODES = (r'\bcode(?:: ClassVar\[str\])? = "([a-z_]+)"', r'Refusal\(\s*\d+,\s*"([a-z_]+)"')
RUST_METRICS = (
    (r'register\(\s*"([a-z_]+)"', ""),
    (r'register_with_unit\(\s*"([a-z_]+)"', "_seconds"),
    (r'\b(?:gauge|counter)\(\s*"([a-z_]+)"', ""),
)
PYTHON_METRICS = r'"headworks_([a-z_]+)"'


def sources(folder: str, suffix: str) -> Iterator[str]:
    """The text of each source file, without the tests in it."""
    for path in sorted((ROOT / folder).rglob(f"*{suffix}")):
        yield path.read_text(encoding="utf-8").partition("#[cfg(test)]")[0]


def test_every_error_code_is_explained() -> None:
    rust = {
        code for text in sources("engine/src", ".rs") for pattern in RUST_CODES for code in re.findall(pattern, text)
    }
    python = {
        code
        for text in sources("src/headworks", ".py")
        for pattern in PYTHON_CODES
        for code in re.findall(pattern, text)
    }
    assert {"invalid_api_key", "upstream_timeout", "usage_log_full", "upstream_idle"} <= rust
    assert {"model_not_found", "in_use", "last_management_key"} <= python
    page = TROUBLESHOOTING.read_text(encoding="utf-8")
    assert sorted(code for code in rust | python if f"`{code}`" not in page) == []


def test_every_metric_has_its_row_and_every_row_its_metric() -> None:
    rust = {
        name + unit
        for text in sources("engine/src", ".rs")
        for pattern, unit in RUST_METRICS
        for name in re.findall(pattern, text)
    }
    python = {
        name
        for folder in ("kernel/telemetry", "bootstrap")
        for text in sources(f"src/headworks/{folder}", ".py")
        for name in re.findall(PYTHON_METRICS, text)
    }
    rows = set(re.findall(r"^\| `headworks_([a-z_]+)` \|", METRICS.read_text(encoding="utf-8"), re.MULTILINE))
    assert {"requests", "added_latency_seconds", "spool_bytes"} <= rust
    # The text format puts `_total` behind a counter's name, if it is not there already.
    assert {name.removesuffix("_total") for name in rows} == {name.removesuffix("_total") for name in rust | python}
