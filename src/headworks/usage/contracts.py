"""What usage gives to others: what an ingest did, rows of a report, single records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from headworks.dataplane.events import UsageEvent
    from headworks.kernel.money import Nanodollars


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a batch of events."""

    stored: int
    redelivered: int
    """Were there already, or twice in the batch: nothing was changed by them."""
    rejected: int
    """Could not be stored as they are, and were put aside with the reason."""
    last_uses: Mapping[str, datetime]
    """By key id, of what was stored."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over some requests."""

    requests: int = 0
    input_tokens: int = 0
    """All input: cached, written to a cache, audio and images too."""
    output_tokens: int = 0
    """All output: reasoning and audio too."""
    estimated_requests: int = 0
    """Whose tokens were estimated, because the provider did not say."""
    errors: int = 0
    """That failed at the provider or at the gateway. A client that left is no error."""
    cost_nanodollars: Nanodollars | int = 0
    """Of those that have a price."""
    unpriced_requests: int = 0
    """That used something for which nobody set a price."""
    cache_read_tokens: int = 0
    """Of the input."""
    cache_write_tokens: int = 0
    """Of the input."""
    audio_tokens: int = 0
    """Of input and output."""
    image_tokens: int = 0
    """Of the input."""
    reasoning_tokens: int = 0
    """Of the output."""
    images: int = 0
    milliseconds: int = 0
    """Of audio."""
    partial_requests: int = 0
    """Whose answer was cut short, and measured as far as it went."""
    charge_nanodollars: Nanodollars | int = 0
    """What the organisation pays: the cost with its mark-up."""
    duration_us: int = 0
    """From each request's beginning to the end of its answer."""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """Figures of one group."""

    values: tuple[str | int | None, ...]
    """In the order of what the report is split by: ids and names; a status; for a minute or an hour its first second since
    1970; for a day the seconds from 1970-01-01 to it, on the clocks that the report goes by; None for a tag that is not there.
    """
    figures: Figures
    previous: Figures | None = None
    """Of the period before, where that was asked for."""


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """One request as it was stored."""

    sequence: int
    """Rises with every record that is stored."""
    event: UsageEvent
    cost_nanodollars: int | None
    """None where nobody set a price."""
    charge_nanodollars: int | None
    """What the organisation pays for it; None as above."""
    price_id: str | None
    received_at_us: int
    transaction: int | None
    """Of the ledger, which settled it; None for one that is older than the ledger."""
