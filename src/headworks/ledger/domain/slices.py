"""How much of what is left one gateway gets at a time."""

from __future__ import annotations


def slice_of(available: int, need: int, want: int, gateways: int) -> int:
    """Nanodollars to grant; 0 where there is less than `need`, or nothing.

    `gateways` is how many hold some of it, the one that asks among them. Slices shrink as the end comes near, so that what one
    holds and does not use keeps little from the others: each gets its part of the half of what is left, and never less than it
    needs while it is there. To ask again costs a gateway a moment; to hold too much costs the others a refusal.
    """
    if available <= 0 or need > available:
        return 0
    part = available // (2 * max(gateways, 1))
    return max(need, min(want, part))
