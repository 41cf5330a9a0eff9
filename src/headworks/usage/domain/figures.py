"""What reports show of the counters, and what they can be split by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headworks.usage.contracts import Figures
from headworks.usage.domain.rollups import COUNTERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_INPUT = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "input_audio_tokens",
    "input_image_tokens",
)
_OUTPUT = ("output_tokens", "reasoning_tokens", "output_audio_tokens")

FIGURES: Final[Mapping[str, tuple[str, ...]]] = {
    "requests": ("requests",),
    "input_tokens": _INPUT,
    "output_tokens": _OUTPUT,
    "estimated_requests": ("estimated_requests",),
    "errors": ("errors",),
    "cost_nanodollars": ("cost_nanodollars",),
    "unpriced_requests": ("unpriced_requests",),
    "cache_read_tokens": ("cache_read_tokens",),
    "cache_write_tokens": ("cache_write_5m_tokens", "cache_write_1h_tokens"),
    "audio_tokens": ("input_audio_tokens", "output_audio_tokens"),
    "image_tokens": ("input_image_tokens",),
    "reasoning_tokens": ("reasoning_tokens",),
    "images": ("images",),
    "milliseconds": ("milliseconds",),
    "partial_requests": ("partial_requests",),
    "charge_nanodollars": ("charge_nanodollars",),
    "duration_us": ("duration_us",),
}
"""Which counters each figure adds up."""
WINDOW: Final[Mapping[str, tuple[str, ...]]] = {
    "requests": ("requests",),
    "tokens": (*_INPUT, *_OUTPUT),
    "spend": ("charge_nanodollars",),
}
"""As `FIGURES`, by the unit of a limit."""

_PLACES = {name: tuple(COUNTERS.index(counter) for counter in counters) for name, counters in FIGURES.items()}


def figures_of(sums: Sequence[int]) -> Figures:
    """From counters, in the order of COUNTERS."""
    return Figures(**{name: sum(sums[place] for place in places) for name, places in _PLACES.items()})
