"""Transactions that lose against another writer are begun anew, within a budget.

A database that several processes write to may end a transaction so that another can go on: nothing of it has happened then.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Final, TypeVar

from headworks.kernel.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

TRIES: Final = 6
"""How often a transaction is begun before its loss is told: with the pauses below about a second in all."""
_FIRST_PAUSE: Final = 0.02
"""Seconds before the second try; each later pause is up to twice as long."""


class TransactionLost(Unavailable):
    """Another writer went first. Nothing of the transaction happened, and the same one may succeed at once."""

    code = "transaction_lost"
    title = "Another change came first"


async def until_it_holds(
    attempt: Callable[[], Awaitable[T]], *, lost: tuple[type[Exception], ...] = (TransactionLost,)
) -> T:
    """What `attempt`, one whole transaction, gives; begun anew when it raises one of `lost`.

    Raises the last loss when the budget is spent. Pauses differ at random, so that two that collided do not meet again.
    """
    for number in range(TRIES - 1):
        try:
            return await attempt()
        except lost:
            await asyncio.sleep(_FIRST_PAUSE * 2**number * random.uniform(0.5, 1))  # noqa: S311 - no secret
    return await attempt()
