"""What the audit trail refuses, and how it says so."""

from __future__ import annotations

from headworks.kernel.errors import Invalid


class MalformedAnchor(Invalid):
    """What was given to check against is no anchor."""

    code = "malformed_anchor"

    def __init__(self, text: str, trails: list[str]) -> None:
        super().__init__(
            f"query.anchor: {text[:200]!r} is no anchor; copy one from the log, TRAIL:SEQUENCE:HASH, "
            f"with a trail of {', '.join(trails)}."
        )
