"""Budgets, uses and prices for tests of the ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from headworks.catalog.contracts import Price, PriceBook, Rates
from headworks.dataplane.flow import LeaseQuestion
from headworks.kernel.moments import micros
from headworks.kernel.pagination import PageRequest
from headworks.ledger import commands
from headworks.ledger.contracts import Place
from headworks.ledger.ports import BalanceFilter
from headworks.ledger.queries import verification
from headworks.ledger.settings import LedgerSettings
from headworks.usage.commands import ask_anew, compare_hour
from headworks.usage.ports import ReportFilter
from headworks.usage.settings import UsageSettings
from headworks.usage.tasks import Keeper as UsageKeeper
from headworks.usage.tasks import ingest
from tests.support.usage_events import usage_event

if TYPE_CHECKING:
    from headworks.dataplane.events import UsageEvent
    from headworks.dataplane.flow import Lease, Spent
    from headworks.kernel.money import Nanodollars
    from headworks.kernel.scopes import Scope
    from headworks.ledger.contracts import Budget, Counters
    from headworks.ledger.domain.checking import Fault
    from tests.support.usage_stores import Accounting

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
NOON_US = micros(NOON)
SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US
DAY_US = 24 * HOUR_US
ORG = "org_1"
SETTINGS = LedgerSettings()
DAY_START = NOON_US - 12 * HOUR_US
LIFE_US = (SETTINGS.term_seconds + SETTINGS.grace_seconds) * SECOND_US
"""How long a hold lasts that nobody asks for again."""


class Everything:
    """Whatever is asked for is there, but `nobody`. The port `ScopeNames`."""

    async def has(self, _organization_id: str, _scope: Scope, scope_id: str) -> bool:
        return scope_id not in {"nobody", ""}


class FixedPrices:
    """A nanodollar for a token, whatever it is; `set` makes it another. The port `Prices`."""

    def __init__(self, each: int = 1) -> None:
        self.set(each)

    def set(self, each: Nanodollars | int) -> None:
        rates = Rates._make([*[each * 10**6] * 11, 0])
        begin = datetime(2020, 1, 1, tzinfo=UTC)
        one = Price(f"prc_{each}", "shipped", "openai", "gpt", rates, begin, None, "", date(2026, 1, 1), begin)
        self.book = PriceBook({("shipped", "openai", "gpt"): (one,)}, {"prv_1": (("shipped", "openai"),)}, each)

    async def price_book(self) -> PriceBook:
        return self.book


def spending(number: int, tokens: int, /, **changes: object) -> UsageEvent:
    """A request of so many tokens."""
    plain: dict[str, object] = {
        "occurred_at_us": NOON_US,
        "model": "fast",
        "upstream_model": "gpt",
        "input_tokens": tokens,
        "output_tokens": 0,
    }
    return usage_event(number, **(plain | changes))


async def spend(books: Accounting, *events: UsageEvent, each: int = 1, at: datetime = NOON) -> None:
    """Store and settle."""
    done = await ingest(books.usage, FixedPrices(each), events, clock=lambda: at)
    assert done.rejected == 0


async def make_budget(books: Accounting, amount: int = 1000, at_us: int = NOON_US, **changes: object) -> Budget:
    """A hard one of a day, in UTC, of the organisation."""
    plain: dict[str, object] = {
        "name": "a budget",
        "scope": "organization",
        "scope_id": None,
        "amount": amount,
        "period": "day",
    }
    wish = commands.NewBudget(**(plain | changes))  # type: ignore[arg-type]
    async with books.ledger.writing(ORG) as unit:
        return await commands.create_budget(unit, Everything(), wish, at_us)


async def lease(
    books: Accounting, place: Place, need: int, want: int = 0, *, source: str = "spool_1", at_us: int = NOON_US
) -> Lease | Spent:
    """For a gateway."""
    async with books.ledger.writing(ORG) as unit:
        wanted = LeaseQuestion(source, place.budget_id, place.start_us, need, want, request_id="")
        found = await commands.grant(unit, wanted, SETTINGS, at_us)
        return found.spent if isinstance(found, commands.Lacking) else found


async def counters_of(books: Accounting, place: Place) -> Counters:
    """As they are kept."""
    async with books.ledger.reading(ORG) as reading:
        return (await reading.counters([place]))[place]


async def faults(books: Accounting, organization_id: str = ORG) -> list[Fault]:
    """What the verification finds; it went through all of it."""
    report = verification.Report()
    async for one in verification.verify(books.ledger, organization_id):
        report = one
    assert report.finished
    return list(report.faults)


def today(budget_id: str) -> Place:
    """Its running day."""
    return Place(budget_id, DAY_START)


async def balances(books: Accounting, **wanted: object) -> dict[tuple[str, str], int]:
    """By kind and by whom they are of."""
    async with books.ledger.reading(ORG) as reading:
        page = await reading.balances(BalanceFilter(**wanted), PageRequest(1, 200))  # type: ignore[arg-type]
    assert page.total == len(page.items)
    return {
        (one.account.kind, one.account.key_id or one.account.provider_id or one.account.source): one.amount
        for one in page.items
    }


async def roll_ups_hold(books: Accounting) -> None:
    """What was added up is what the records, and what changed in them, come to; and is again when it is made anew."""
    noon_s, settings = NOON_US // 10**6, UsageSettings()
    found = await compare_hour(books.usage, settings, noon_s, noon_s)
    assert (found.sums > 0, found.wrong) == (True, 0)
    async with books.usage.read(None) as reading:
        before = await reading.report(ReportFilter(None, "minute", 0, 2**33), ("key", "model"), PageRequest())
    await ask_anew(books.usage, "org_1", NOON.date(), NOON.date())
    await UsageKeeper(books.usage, settings, lambda: NOON).make_anew()
    async with books.usage.read(None) as reading:
        assert await reading.report(ReportFilter(None, "minute", 0, 2**33), ("key", "model"), PageRequest()) == before
