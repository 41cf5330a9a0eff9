#!/usr/bin/env python3
"""Fails when a Markdown page links to a file of this project that is not there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def pages() -> list[Path]:
    """Every Markdown page that Git knows or would take."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    return [ROOT / name for name in names if name and (ROOT / name).exists()]


def broken(page: Path) -> list[str]:
    """The links of `page` that lead nowhere."""
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    targets = (first or second for first, second in LINK.findall(text))
    here = [target.partition("#")[0] for target in targets if not re.match(r"[a-z][a-z0-9+.-]*:|#", target)]
    return [target for target in here if not (page.parent / target).exists()]


def main() -> int:
    """Print the broken links; 1 when there are any."""
    problems = [f"{page.relative_to(ROOT)}: no such file: {target}" for page in pages() for target in broken(page)]
    print("\n".join(problems) or "links: good")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
