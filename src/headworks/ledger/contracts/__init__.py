"""What the ledger gives to others: amounts, budgets, leases, the journal, and what happened."""

from headworks.ledger.contracts.amounts import (
    NOTHING,
    PPM,
    UNPRICED,
    Amounts,
    MarkUp,
    MarkUpBook,
    amounts_of,
)
from headworks.ledger.contracts.budgets import Alert, Budget, Counters, InForce, Period, PeriodKind, Place, Raise
from headworks.ledger.contracts.events import BudgetChanged, LeasesWanted, MarkUpChanged, ThresholdCrossed
from headworks.ledger.contracts.holds import Hold
from headworks.ledger.contracts.journal import Account, AccountKind, Balance, Entry, Transaction, TransactionKind
from headworks.ledger.contracts.records import (
    Adjustment,
    ClosedPeriod,
    RatedRecord,
    RecordRange,
    RecordSum,
    ReRating,
    Sums,
    Use,
)

__all__ = [
    "NOTHING",
    "PPM",
    "UNPRICED",
    "Account",
    "AccountKind",
    "Adjustment",
    "Alert",
    "Amounts",
    "Balance",
    "Budget",
    "BudgetChanged",
    "ClosedPeriod",
    "Counters",
    "Entry",
    "Hold",
    "InForce",
    "LeasesWanted",
    "MarkUp",
    "MarkUpBook",
    "MarkUpChanged",
    "Period",
    "PeriodKind",
    "Place",
    "Raise",
    "RatedRecord",
    "ReRating",
    "RecordRange",
    "RecordSum",
    "Sums",
    "ThresholdCrossed",
    "Transaction",
    "TransactionKind",
    "Use",
    "amounts_of",
]
