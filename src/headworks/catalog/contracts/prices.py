"""What a deployment's usage costs, and since when. Rates are nanodollars per million units, always integers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from headworks.kernel.timeline import BEGINNING_US, FOREVER_US, Stretch, Timeline

if TYPE_CHECKING:
    from collections.abc import Mapping
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
        return self.stretch(provider_id, upstream_model, at_us).value

    def stretch(self, provider_id: str, upstream_model: str, at_us: int) -> Stretch[Price | None]:
        """That, since when, and until when at least."""
        from_us, until_us = BEGINNING_US, FOREVER_US
        for owner, provider in self._names.get(provider_id, ()):
            timeline = self._timelines.get((owner, provider, upstream_model))
            if timeline is None:
                continue
            one = timeline.stretch(at_us)
            from_us, until_us = max(from_us, one.from_us), min(until_us, one.until_us)
            if one.value is not None:
                return Stretch(one.value, from_us, until_us)
        return Stretch(None, from_us, until_us)


def _timeline(prices: tuple[Price, ...]) -> Timeline[Price | None]:
    changes: list[tuple[int, Price | None]] = []
    for price, following in zip_longest(prices, prices[1:]):
        changes.append((_microseconds(price.valid_from), price))
        if price.valid_to is not None and (following is None or price.valid_to < following.valid_from):
            changes.append((_microseconds(price.valid_to), None))
    return Timeline(changes, None)


def _microseconds(at: datetime) -> int:
    # Whole seconds and microseconds apart: a float timestamp cannot hold microseconds of far years.
    return int(at.replace(microsecond=0).timestamp()) * 1_000_000 + at.microsecond
