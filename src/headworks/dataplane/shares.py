"""Shares of limits that are one for all gateways: what the engine asks, and what it is answered.

`engine/src/flow/controller.rs` and `model.rs` are the other side of these shapes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Unit = Literal["requests", "tokens", "spend", "concurrent"]


@dataclass(frozen=True, slots=True)
class ShareAsk:
    """What a gateway has of a limit, what it has used of that, and how much more it would like."""

    limit_id: str
    unit: Unit
    window_s: int
    """0 for requests at the same time."""
    amount: int
    """The limit's."""
    number: int
    """Higher each time: what comes late is not heeded."""
    cap: int
    """As much may be counted there now; it stays so until this is answered."""
    used: int
    """No more than `cap`."""
    need: int
    """What a waiting request lacks: less than this is no help. 0: nobody waits."""
    want: int
    """What would be handy; at least `need`."""
    passing: tuple[tuple[int, int], ...] = ()
    """(milliseconds from now, amount): when what is used will have slid out of the window."""


@dataclass(frozen=True, slots=True)
class SharesQuestion:
    """May this gateway count more, of each of these limits? What it says of itself is noted either way."""

    life: str
    """Of the gateway: another after each start."""
    asks: tuple[ShareAsk, ...]
    kind: Literal["shares"] = "shares"

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> SharesQuestion:
        """Of the engine's JSON."""
        asks = (
            ShareAsk(**{**ask, "passing": tuple((in_ms, amount) for in_ms, amount in ask["passing"])})
            for ask in fields["asks"]
        )
        return cls(fields["life"], tuple(asks))


@dataclass(frozen=True, slots=True)
class Share:
    """What a gateway has of a limit from now on."""

    cap: int
    used: int
    """By all gateways, as far as they have told."""
    enough: bool
    """Whether `need` is in it."""
    free_in_ms: int | None = None
    """Where it is not: when as much may have slid out of the window. None where nobody knows, or never."""


@dataclass(frozen=True, slots=True)
class Shares:
    """One for each that was asked for, in that order."""

    shares: tuple[Share, ...]

    def to_json(self) -> str:
        """The wire form that `Engine.answer` takes."""
        return json.dumps({"shares": [asdict(share) for share in self.shares]})
