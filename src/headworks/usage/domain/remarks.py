"""What the remarks on a record's usage say, where somebody asks for one of them."""

from __future__ import annotations

from typing import Final

CONTRADICTS: Final = "contradicts:"
"""Before the tokens of output that we count, where the provider's count, which is charged, cannot be true of what it delivered."""


def delivered_tokens(usage_flags: str) -> int | None:
    """Tokens of output as we count them. None where the provider's count is not contradicted."""
    for remark in usage_flags.split(","):
        if remark.startswith(CONTRADICTS) and remark[len(CONTRADICTS) :].isdecimal():
            return int(remark[len(CONTRADICTS) :])
    return None
