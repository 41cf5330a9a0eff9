"""The longest answer that a model can give, in tokens: what a request that says nothing is held to cost at most."""

from __future__ import annotations

from headworks.kernel.errors import Invalid

LARGEST_CAP = 10_000_000
"""Far above any model's; what is larger is a slip."""


def check_cap(tokens: int | None, field: str = "max_output_tokens") -> int | None:
    """None for not known. Raises Invalid unless it is 1 to 10 million."""
    if tokens is None or 1 <= tokens <= LARGEST_CAP:
        return tokens
    raise Invalid.field(field, "out_of_range", f"must be 1 to {LARGEST_CAP}, or null where it is not known")
