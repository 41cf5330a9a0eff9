"""Double entry: a posting whose lines do not add up to nothing cannot be made."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from headworks.kernel.money import LARGEST_AMOUNT
from headworks.ledger.contracts import Account
from headworks.ledger.errors import AmountTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headworks.ledger.contracts import Place


class Unbalanced(ValueError):
    """A bug of ours: nothing of it is written down."""


class Posting:
    """Amounts on accounts of one organisation. Accounts on which nothing changes are left out."""

    __slots__ = ("lines",)

    def __init__(self, lines: Mapping[Account, int]) -> None:
        """Raises Unbalanced, and AmountTooLarge beyond 64 bits."""
        kept = {account: amount for account, amount in lines.items() if amount}
        if any(type(amount) is not int for amount in kept.values()):
            raise Unbalanced("an amount is no integer")
        if sum(kept.values()) != 0:
            raise Unbalanced(f"the lines add up to {sum(kept.values())}")
        if len({account.organization_id for account in kept}) > 1:
            raise Unbalanced("the lines are of two organisations")
        if any(abs(amount) > LARGEST_AMOUNT for amount in kept.values()):
            raise AmountTooLarge
        self.lines: Mapping[Account, int] = kept

    def __iter__(self) -> Iterator[tuple[Account, int]]:
        return iter(self.lines.items())


class Lines:
    """Lines on their way to a posting."""

    def __init__(self, organization_id: str) -> None:
        self._organization_id = organization_id
        self._sums: defaultdict[Account, int] = defaultdict(int)

    def charge(self, project_id: str, key_id: str, provider_id: str, *, cost: int, charge: int) -> None:
        """Usage, or the difference that a new price makes to it."""
        of = self._organization_id
        self._sums[Account("charge", of, project_id=project_id, key_id=key_id)] += charge
        self._sums[Account("payable", of, provider_id=provider_id)] -= cost
        self._sums[Account("margin", of)] -= charge - cost

    def authorize(self, place: Place, amount: int) -> None:
        """So much more may be spent, or less."""
        self._move(place, available=amount, authorized=-amount)

    def hold(self, place: Place, source: str, amount: int) -> None:
        """A gateway may draw so much more, or less."""
        of = self._organization_id
        held = Account("held", of, budget_id=place.budget_id, period_start_us=place.start_us, source=source)
        self._sums[held] += amount
        self._move(place, available=-amount)

    def spend(self, place: Place, amount: int) -> None:
        """So much was charged."""
        self._move(place, available=-amount, spent=amount)

    def posting(self) -> Posting:
        """What they come to. Raises as `Posting` does."""
        return Posting(self._sums)

    def _move(self, place: Place, *, available: int = 0, authorized: int = 0, spent: int = 0) -> None:
        of = self._organization_id
        for kind, amount in (("available", available), ("authorized", authorized), ("spent", spent)):
            account = Account(kind, of, budget_id=place.budget_id, period_start_us=place.start_us)  # type: ignore[arg-type]
            self._sums[account] += amount
