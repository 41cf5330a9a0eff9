"""Use cases that change the ledger. Each takes an open unit; the door that opened it commits."""

from headworks.ledger.commands.adoption import adopt
from headworks.ledger.commands.budgets import (
    BudgetChanges,
    NewBudget,
    NewRaise,
    change_budget,
    create_budget,
    end_raise,
    raise_budget,
    remove_budget,
)
from headworks.ledger.commands.closing import close_fixed, close_period, fixed
from headworks.ledger.commands.forgetting import Forgotten, forget
from headworks.ledger.commands.leases import Lacking, give_back, grant, reclaim
from headworks.ledger.commands.mark_ups import NewMarkUp, create_mark_up, remove_mark_up
from headworks.ledger.commands.periods import open_period
from headworks.ledger.commands.rebuilding import rebuild
from headworks.ledger.commands.rerating import Outcome, preview, rerate
from headworks.ledger.commands.settling import settle

__all__ = [
    "BudgetChanges",
    "Forgotten",
    "Lacking",
    "NewBudget",
    "NewMarkUp",
    "NewRaise",
    "Outcome",
    "adopt",
    "change_budget",
    "close_fixed",
    "close_period",
    "create_budget",
    "create_mark_up",
    "end_raise",
    "fixed",
    "forget",
    "give_back",
    "grant",
    "open_period",
    "preview",
    "raise_budget",
    "rebuild",
    "reclaim",
    "remove_budget",
    "remove_mark_up",
    "rerate",
    "settle",
]
