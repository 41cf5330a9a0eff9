"""What the ledger needs from outside: a store, usage's records, prices, and who is there."""

from headworks.ledger.ports.outside import Prices, Records, ScopeNames
from headworks.ledger.ports.store import (
    BalanceFilter,
    EntryFilter,
    Installation,
    Ledger,
    Overview,
    Reading,
    TransactionFilter,
    Unit,
)

__all__ = [
    "BalanceFilter",
    "EntryFilter",
    "Installation",
    "Ledger",
    "Overview",
    "Prices",
    "Reading",
    "Records",
    "ScopeNames",
    "TransactionFilter",
    "Unit",
]
