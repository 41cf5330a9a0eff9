"""What the ledger tells other contexts, once it is committed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from headworks.ledger.contracts.budgets import Alert


@dataclass(frozen=True, slots=True)
class BudgetChanged:
    """Flows that name it are out of date; leases on it have to come back where less is to be had."""

    organization_id: str
    budget_id: str
    what: Literal["created", "changed", "removed", "raised", "raise_ended"]


@dataclass(frozen=True, slots=True)
class LeasesWanted:
    """A gateway lacks what others may hold and not use: they are to give it back. It changes nothing else."""

    organization_id: str
    budget_id: str


@dataclass(frozen=True, slots=True)
class MarkUpChanged:
    """What an organisation pays on top is another now."""

    organization_id: str


@dataclass(frozen=True, slots=True)
class ThresholdCrossed:
    """So much of a budget has been spent that somebody wanted to be told."""

    organization_id: str
    alert: Alert
