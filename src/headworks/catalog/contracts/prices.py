"""What a deployment's usage costs, and since when. Rates are nanodollars per million units, always integers."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime


class Rates(NamedTuple):
    """Nanodollars per million units: the buckets of `dataplane.events.UsageEvent` in their order, then requests."""

    input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    input_audio: int
    input_image: int
    output: int
    reasoning: int
    output_audio: int
    images: int
    milliseconds: int
    """Of audio."""
    requests: int


@dataclass(frozen=True, slots=True)
class Price:
    """The rates of one upstream model from `valid_from` (inclusive) until `valid_to` (exclusive, None: for good)."""

    id: str
    owner: str
    provider: str
    """The name of the organisation's provider; for shipped prices the kind of provider, such as `openai`."""
    model: str
    """The upstream model."""
    rates: Rates
    valid_from: datetime
    valid_to: datetime | None
    source: str
    """Where the figures come from, usually the address of a price list."""
    as_of: date
    """The day on which the source said so."""
    created_at: datetime
    version: int = 1
    """Counts its changes: it changes when another price ends it."""


@dataclass(frozen=True, slots=True)
class NewPrice:
    """A price as somebody wrote it down."""

    provider: str
    """The provider's name or id; for shipped prices its kind."""
    upstream_model: str
    rates: Mapping[str, int]
    """Nanodollars per million units by bucket; what is left out follows from the others."""
    valid_from: datetime | None = None
    """None: from now on."""
    valid_to: datetime | None = None
    source: str = ""
    as_of: date | None = None
    """None: today."""


class _Timeline(NamedTuple):
    """Prices of one model in time: starts[i] ≤ t < ends[i] (µs) makes prices[i] the one that holds."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    prices: tuple[Price, ...]

    def at(self, at_us: int) -> Price | None:
        place = bisect_right(self.starts, at_us) - 1
        return self.prices[place] if place >= 0 and at_us < self.ends[place] else None


_FOREVER = 2**63 - 1


class PriceBook:
    """Every price, ready to be asked: an organisation's own wins over the shipped one. Immutable."""

    __slots__ = ("_names", "_timelines", "revision")

    def __init__(
        self,
        prices: Mapping[tuple[str, str, str], tuple[Price, ...]],
        names: Mapping[str, tuple[tuple[str, str], ...]],
        revision: int,
    ) -> None:
        """`prices` by (owner, provider, model), ascending; `names`: the (owner, provider) pairs of a provider's id."""
        self._timelines = {key: _timeline(found) for key, found in prices.items()}
        self._names = names
        self.revision = revision

    def find(self, provider_id: str, upstream_model: str, at_us: int) -> Price | None:
        """The price that holds at a moment (UTC microseconds), or None where nobody has set one."""
        return self.timeline(provider_id, upstream_model)(at_us)

    def next_change(self, provider_id: str, upstream_model: str, at_us: int) -> int | None:
        """When `find` will first say something else by itself, in UTC microseconds, or sooner; None for never."""
        changes = [
            moment
            for owner, provider in self._names.get(provider_id, ())
            if (timeline := self._timelines.get((owner, provider, upstream_model)))
            for moment in (*timeline.starts, *timeline.ends)
            if at_us < moment < _FOREVER
        ]
        return min(changes, default=None)

    def timeline(self, provider_id: str, upstream_model: str) -> Callable[[int], Price | None]:
        """The prices of one model in time: `find` for whoever asks about many moments."""
        found = [
            timeline
            for owner, provider in self._names.get(provider_id, ())
            if (timeline := self._timelines.get((owner, provider, upstream_model)))
        ]

        def at(at_us: int) -> Price | None:
            for timeline in found:
                if price := timeline.at(at_us):
                    return price
            return None

        return at


def _timeline(prices: tuple[Price, ...]) -> _Timeline:
    return _Timeline(
        tuple(_microseconds(price.valid_from) for price in prices),
        tuple(_FOREVER if price.valid_to is None else _microseconds(price.valid_to) for price in prices),
        prices,
    )


def _microseconds(at: datetime) -> int:
    # Whole seconds and microseconds apart: a float timestamp cannot hold microseconds of far years.
    return int(at.replace(microsecond=0).timestamp()) * 1_000_000 + at.microsecond
