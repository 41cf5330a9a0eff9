"""The journal: transactions whose entries add up to nothing, and the accounts that they are on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

AccountKind = Literal["charge", "payable", "margin", "authorized", "available", "held", "spent"]
"""
charge: what a key's organisation owes for it; payable: what we owe a provider; margin: the difference. The others are of one
budget and period: authorized: what was set; available: what is left of it; held: what a gateway may draw; spent: what was charged.
"""
TransactionKind = Literal[
    "usage", "period_opened", "lease_granted", "lease_returned", "lease_reclaimed", "allowance_changed", "re_rating"
]


class Account(NamedTuple):
    """A kind and a few ids; those that say nothing for the kind are empty."""

    kind: AccountKind
    organization_id: str
    project_id: str = ""
    key_id: str = ""
    provider_id: str = ""
    budget_id: str = ""
    period_start_us: int | None = None
    source: str = ""


class Entry(NamedTuple):
    """One amount on one account: positive is debit, negative is credit."""

    transaction: int
    account: Account
    amount: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """Entries that were made together. It is never changed."""

    number: int
    organization_id: str
    kind: TransactionKind
    at_us: int
    reference: str
    """Id of the budget or the re-rating that it is about; empty for usage."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account's entries add up to."""

    account: Account
    number: int
    amount: int
    entries: int
