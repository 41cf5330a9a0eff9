"""What the ledger refuses, and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.kernel.errors import Conflict, FieldProblem, Invalid, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable


class BudgetsUnavailable(Unavailable):
    """The store does not answer, and what was read before is too old to trust."""

    code = "budgets_unavailable"
    title = "Budgets are not available"

    def __init__(self, detail: str) -> None:
        super().__init__("Budgets cannot be read now; try again in a moment.", detail=detail)


class BudgetNotFound(NotFound):
    """No such budget in this organisation."""

    code = "budget_not_found"
    title = "Budget not found"

    def __init__(self, budget_id: str) -> None:
        super().__init__(f"There is no budget {budget_id!r}; GET /api/v1/budgets lists those that there are.")


class RaiseNotFound(NotFound):
    """The budget has no such raise, or it is over."""

    code = "raise_not_found"
    title = "Raise not found"

    def __init__(self, raise_id: str) -> None:
        super().__init__(f"The budget has no raise {raise_id!r} that still counts; GET the budget to see those it has.")


class MarkUpNotFound(NotFound):
    """No such mark-up."""

    code = "mark_up_not_found"
    title = "Mark-up not found"

    def __init__(self, mark_up_id: str) -> None:
        super().__init__(f"There is no mark-up {mark_up_id!r}; GET /api/v1/mark-ups lists those that there are.")


class TransactionNotFound(NotFound):
    """No such transaction in this organisation."""

    code = "transaction_not_found"
    title = "Transaction not found"

    def __init__(self, number: int) -> None:
        super().__init__(
            f"There is no transaction {number}; GET /api/v1/ledger/transactions lists those that there are."
        )


class ReRatingNotFound(NotFound):
    """No such re-rating in this organisation."""

    code = "re_rating_not_found"
    title = "Re-rating not found"

    def __init__(self, re_rating_id: str) -> None:
        super().__init__(f"There is no re-rating {re_rating_id!r}; GET /api/v1/re-ratings lists those that there are.")


class BudgetExists(Conflict):
    """The same scope has a budget of this period already."""

    code = "budget_exists"
    title = "There is such a budget already"

    def __init__(self, period: str, *, hard: bool) -> None:
        kind = "hard" if hard else "soft"
        super().__init__(
            f"There is a {kind} budget per {period} on this already; change that one, or remove it first.",
            details=[FieldProblem("period", self.code, f"taken by another {kind} budget of the same scope")],
        )


class UnknownTimeZone(Invalid):
    """The zone is not in the IANA database."""

    code = "unknown_time_zone"
    title = "Unknown time zone"

    def __init__(self, wanted: str, near: Iterable[str]) -> None:
        names = list(near)
        hint = f"did you mean {', '.join(names)}?" if names else "write it as Europe/Berlin or UTC"
        message = f"there is no time zone {wanted!r}; {hint}"
        super().__init__(f"time_zone: {message}", details=[FieldProblem("time_zone", self.code, message)])


class MarkUpExists(Conflict):
    """Two mark-ups would begin at the same moment."""

    code = "mark_up_exists"
    title = "A mark-up begins then already"

    def __init__(self) -> None:
        super().__init__(
            "Another mark-up of this organisation begins at that moment; remove it first, or choose another time.",
            details=[FieldProblem("valid_from", self.code, "taken by another mark-up")],
        )


class PeriodClosed(Conflict):
    """What was invoiced changes no more."""

    code = "period_closed"
    title = "The period is closed"

    def __init__(self, until: str) -> None:
        super().__init__(
            f"Usage before {until} has been invoiced and changes no more; begin the range there, or later.",
            details=[FieldProblem("start", self.code, f"must not be before {until}")],
        )


class AmountTooLarge(Conflict):
    """A sum of money beyond what can be stored. It is refused, and never rounded."""

    code = "amount_too_large"
    title = "A sum is larger than 64 bits"

    def __init__(self) -> None:
        super().__init__("A sum would go beyond nine thousand million dollars, which is the most that can be kept.")
