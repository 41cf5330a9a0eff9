"""Numbers of accounts, so that they are not looked up for each posting."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headworks.ledger.contracts import Account

_MOST = 20_000


class Known:
    """By account."""

    def __init__(self) -> None:
        self.numbers: dict[Account, int] = {}

    def forget(self) -> None:
        """After a failure: the database may be another than before, restored from a backup, and have other numbers."""
        self.numbers.clear()

    def learn(self, numbers: Mapping[Account, int]) -> None:
        """What a committed transaction found out. When it is much, the rest is forgotten."""
        if len(self.numbers) + len(numbers) > _MOST:
            self.numbers.clear()
        self.numbers.update(numbers)
