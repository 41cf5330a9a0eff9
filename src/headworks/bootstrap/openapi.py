"""`python -m headworks.bootstrap.openapi` writes docs/reference/openapi.json; a test holds that the file is current."""

from __future__ import annotations

import json
from pathlib import Path

from headworks.bootstrap.app import build_app

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"


def document_text() -> str:
    """The description of the management API as it is committed: the same bytes every time."""
    return json.dumps(build_app({}).openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.parent.mkdir(parents=True, exist_ok=True)
    DOCUMENT.write_text(document_text(), encoding="utf-8")
