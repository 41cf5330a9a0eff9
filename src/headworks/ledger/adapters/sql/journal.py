"""Reads of the journal: accounts and what they come to, transactions, entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, tuple_

from headworks.kernel.pagination import Page
from headworks.ledger.adapters.sql.bound import MOST_ASKED, Bound
from headworks.ledger.adapters.sql.rows import account_of, transaction_of
from headworks.ledger.adapters.sql.sums import exact_sum, summed
from headworks.ledger.adapters.tables import accounts, entries, forgotten, transactions
from headworks.ledger.contracts import Account, Balance, Entry, Sums

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import RowMapping

    from headworks.kernel.pagination import PageRequest
    from headworks.ledger.adapters.sql.bound import AnySelect
    from headworks.ledger.contracts import Transaction
    from headworks.ledger.ports import BalanceFilter, EntryFilter, TransactionFilter

_ACCOUNT = [accounts.c[name] for name in Account._fields]
_FILTERED = ("kind", "project_id", "key_id", "provider_id", "budget_id")


class JournalReads(Bound):
    """The part of `Reading` that is about the journal."""

    async def balances(self, wanted: BalanceFilter, page: PageRequest) -> Page[Balance]:
        """By number. Two statements, and one of the entries of that page."""
        chosen = self._accounts(wanted)
        total = await self.connection.scalar(select(func.count()).select_from(chosen.subquery()))
        shown = await self.rows(chosen.order_by(accounts.c.id).limit(page.per_page).offset(page.offset))
        return Page(await self._balanced(shown, wanted.until_us), total or 0, page)

    async def balances_of(self, budget_id: str) -> list[Balance]:
        """By number."""
        chosen = self.mine(accounts).where(accounts.c.budget_id == budget_id).order_by(accounts.c.id)
        return await self._balanced(await self.rows(chosen), None)

    async def transactions(self, wanted: TransactionFilter, before: int | None, limit: int) -> list[Transaction]:
        """The newest first."""
        statement = self.mine(transactions)
        if wanted.kind is not None:
            statement = statement.where(transactions.c.kind == wanted.kind)
        if wanted.reference is not None:
            statement = statement.where(transactions.c.reference == wanted.reference)
        if wanted.from_us is not None:
            statement = statement.where(transactions.c.at_us >= wanted.from_us)
        if wanted.until_us is not None:
            statement = statement.where(transactions.c.at_us < wanted.until_us)
        if before is not None:
            statement = statement.where(transactions.c.id < before)
        found = await self.rows(statement.order_by(transactions.c.id.desc()).limit(limit))
        return [transaction_of(row) for row in found]

    async def transactions_after(self, number: int, limit: int) -> list[Transaction]:
        """The oldest first."""
        statement = self.mine(transactions).where(transactions.c.id > number).order_by(transactions.c.id).limit(limit)
        return [transaction_of(row) for row in await self.rows(statement)]

    async def transaction(self, number: int) -> Transaction | None:
        """By its number."""
        found = await self.rows(self.mine(transactions).where(transactions.c.id == number))
        return transaction_of(found[0]) if found else None

    async def entries(self, wanted: EntryFilter, before: tuple[int, int] | None, limit: int) -> list[tuple[int, Entry]]:
        """The newest first."""
        statement = self._entries()
        if wanted.account is not None:
            statement = statement.where(entries.c.account_id == wanted.account)
        if wanted.transaction is not None:
            statement = statement.where(entries.c.transaction_id == wanted.transaction)
        place = tuple_(entries.c.transaction_id, entries.c.account_id)
        if before is not None:
            statement = statement.where(place < before)
        newest = statement.order_by(entries.c.transaction_id.desc(), entries.c.account_id.desc()).limit(limit)
        return [(row["account_id"], _entry(row)) for row in await self.rows(newest)]

    async def entries_of(self, numbers: Collection[int]) -> list[Entry]:
        """In no order."""
        found: list[Entry] = []
        asked = list(numbers)
        for start in range(0, len(asked), MOST_ASKED):
            part = asked[start : start + MOST_ASKED]
            found += map(_entry, await self.rows(self._entries().where(entries.c.transaction_id.in_(part))))
        return found

    async def forgotten(self, numbers: Collection[int]) -> dict[int, Sums]:
        """By transaction."""
        found: dict[int, Sums] = {}
        asked = list(numbers)
        for start in range(0, len(asked), MOST_ASKED):
            wanted = self.mine(forgotten).where(forgotten.c.transaction_id.in_(asked[start : start + MOST_ASKED]))
            for row in await self.rows(wanted):
                found[row["transaction_id"]] = Sums(row["records"], int(row["cost"]), int(row["charge"]))
        return found

    async def last_forgotten(self) -> int:
        """Along the index that begins with the organisation."""
        return await self.connection.scalar(self.mine(forgotten, func.max(forgotten.c.transaction_id))) or 0

    def _entries(self) -> AnySelect:
        return self.mine(accounts, entries, *_ACCOUNT).join(entries, entries.c.account_id == accounts.c.id)

    def _accounts(self, wanted: BalanceFilter) -> AnySelect:
        statement = self.mine(accounts)
        for name in _FILTERED:
            value = getattr(wanted, name)
            if value is not None:
                statement = statement.where(accounts.c[name] == value)
        return statement

    async def _balanced(self, rows: list[RowMapping], until_us: int | None) -> list[Balance]:
        sums: dict[int, tuple[int, int]] = {}
        for start in range(0, len(rows), MOST_ASKED):
            numbers = [row["id"] for row in rows[start : start + MOST_ASKED]]
            counted = func.count().label("entries")
            statement = select(entries.c.account_id, counted, *exact_sum(entries.c.amount, "amount"))
            statement = statement.where(entries.c.account_id.in_(numbers)).group_by(entries.c.account_id)
            if until_us is not None:
                statement = statement.join(transactions, transactions.c.id == entries.c.transaction_id)
                statement = statement.where(transactions.c.at_us < until_us)
            for row in await self.rows(statement):
                sums[row["account_id"]] = summed(row, "amount"), row["entries"]
        return [Balance(account_of(row), row["id"], *sums.get(row["id"], (0, 0))) for row in rows]


def _entry(row: RowMapping) -> Entry:
    return Entry(row["transaction_id"], account_of(row), row["amount"])
