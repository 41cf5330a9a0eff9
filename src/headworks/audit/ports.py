"""What the audit trail needs from outside: a reader of each context's trail, which bootstrap gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headworks.audit.contracts import Entry, Head, Place, Wanted
    from headworks.kernel.trail import TrailKey


class TrailReader(Protocol):
    """One context's trail. Nothing here writes."""

    @property
    def name(self) -> str:
        """The context's."""

    async def keys(self) -> Mapping[str, TrailKey]:
        """What may have signed its entries, by id. Raises DatabaseUnavailable."""

    async def head(self) -> Head | None:
        """The end as it is kept; None where nothing was written yet. Raises DatabaseUnavailable."""

    async def following(self, sequence: int, limit: int) -> Sequence[Entry]:
        """The entries after `sequence`, in their order. What is damaged is given as it is."""

    async def newest(self, wanted: Wanted, after: Place | None, limit: int) -> Sequence[Entry]:
        """The newest first, from behind `after` on."""


@dataclass(frozen=True, slots=True)
class Trails:
    """Every trail of this installation."""

    readers: Sequence[TrailReader]
