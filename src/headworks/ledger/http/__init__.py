"""The ledger over HTTP: budgets, the journal, rating anew, mark-ups. Amounts are integers, in nanodollars."""

from headworks.kernel.web import Router
from headworks.ledger.http import budgets, closing, counters, journal, leases, mark_ups, re_ratings, verification

router = Router("/api/v1", tags=["ledger"])
for part in (budgets, leases, journal, verification, counters, closing, re_ratings, mark_ups):
    router.include_router(part.router)

__all__ = ["router"]
