"""Who asks for a time whose records are not kept is told so: half of them would be an answer that misleads."""

from __future__ import annotations

from headworks.kernel.errors import Invalid
from headworks.kernel.moments import moment


def check_kept(field: str, from_us: int, kept_from_us: int) -> None:
    """Raises Invalid, about `field`, when records from `from_us` on are wanted and they are kept from a later day (UTC) on."""
    if from_us < kept_from_us:
        raise Invalid.field(
            field,
            "out_of_range",
            f"must be {moment(kept_from_us).date()} or later: records from before are not kept. Reports by day reach back further.",
        )
