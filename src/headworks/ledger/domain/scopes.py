"""Which budgets a request counts for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headworks.kernel.scopes import Scope
    from headworks.ledger.contracts import Budget, Use

SCOPES: Final[tuple[Scope, ...]] = ("key", "user", "project", "model", "organization")
"""The narrowest first."""


class Whose(NamedTuple):
    """What a request is of; empty where it is of none."""

    organization: str
    project: str
    key: str
    user: str
    model: str


def whose(use: Use) -> Whose:
    """Of a record."""
    return Whose(use.organization_id, use.project_id, use.key_id, use.user_id, use.model)


def applies(budget: Budget, to: Whose) -> bool:
    """Whether it holds for such requests."""
    wanted: str = getattr(to, budget.scope)
    return wanted == budget.scope_id and wanted != ""


def applying(budgets: Iterable[Budget], to: Whose) -> tuple[Budget, ...]:
    """Those that hold for such requests, the narrowest scope first."""
    found = [budget for budget in budgets if applies(budget, to)]
    return tuple(sorted(found, key=lambda budget: (SCOPES.index(budget.scope), budget.id)))
