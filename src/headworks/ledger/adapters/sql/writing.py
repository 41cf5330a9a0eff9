"""Writes to the journal, and the locks before them: of one organisation, or of many in as few statements."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from headworks.kernel.database import unless_there
from headworks.ledger.adapters.sql.bound import MOST_ASKED
from headworks.ledger.adapters.tables import accounts, entries, organizations, transactions

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Insert
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.ledger.adapters.sql.known import Known
    from headworks.ledger.contracts import Account, TransactionKind
    from headworks.ledger.domain.postings import Posting


class JournalWrites:
    """Within one transaction."""

    def __init__(self, connection: AsyncConnection, known: Known) -> None:
        """`known` outlives the transaction."""
        self._connection = connection
        self._known = known
        self._dialect = connection.dialect.name
        self.learnt: dict[Account, int] = {}
        """What `known` may take over when the transaction is committed."""

    async def lock(self, owners: Collection[str], *, alone: bool) -> None:
        """The organisations' rows, which are made where there are none; in one order, so that nobody waits in a circle."""
        asked = sorted(owners)
        mine = organizations.c.organization_id
        for start in range(0, len(asked), MOST_ASKED):
            part = asked[start : start + MOST_ASKED]
            locked = select(mine).where(mine.in_(part)).order_by(mine).with_for_update(read=not alone)
            missing = set(part).difference((await self._connection.execute(locked)).scalars())
            if missing:
                rows = [{"organization_id": owner, "revision": 0} for owner in sorted(missing)]
                await self._connection.execute(unless_there(self._dialect, organizations), rows)
                await self._connection.execute(locked)

    async def begin(self, owners: Collection[str], kind: TransactionKind, at_us: int, reference: str) -> dict[str, int]:
        """A transaction without entries for each; their numbers."""
        new = insert(transactions)
        rows = [
            {"organization_id": owner, "kind": kind, "at_us": at_us, "reference": reference} for owner in sorted(owners)
        ]
        if self._connection.dialect.insert_executemany_returning:
            made = new.returning(transactions.c.organization_id, transactions.c.id)
            return {row.organization_id: row.id for row in await self._connection.execute(made, rows)}
        # MySQL tells the number of one at a time.
        return {str(row["organization_id"]): await self._begun(new.values(row)) for row in rows}

    async def _begun(self, new: Insert) -> int:
        (number,) = (await self._connection.execute(new)).inserted_primary_key or (None,)
        return int(number)  # type: ignore[arg-type]

    async def enter(self, postings: Mapping[int, Posting]) -> None:
        """The entries of transactions, by number."""
        numbers = await self._numbers({account for posting in postings.values() for account, _ in posting})
        rows = [
            {"transaction_id": number, "account_id": numbers[account], "amount": amount}
            for number, posting in postings.items()
            for account, amount in posting
        ]
        if rows:
            await self._connection.execute(insert(entries), rows)

    async def _numbers(self, wanted: Collection[Account]) -> dict[Account, int]:
        remembered = {account: self._known.numbers.get(account) or self.learnt.get(account) for account in wanted}
        numbers = {account: number for account, number in remembered.items() if number is not None}
        unknown = {_digest(account): account for account in wanted if account not in numbers}
        if unknown:
            found = await self._found(unknown)
            # In one order for all writers, so that two who make the same ones do not wait for each other.
            new = sorted(unknown.keys() - found.keys())
            if new:
                rows = [{"digest": digest, **unknown[digest]._asdict()} for digest in new]
                await self._connection.execute(unless_there(self._dialect, accounts), rows)
                found |= await self._found(new)
            learnt = {unknown[digest]: number for digest, number in found.items()}
            self.learnt |= learnt
            numbers |= learnt
        return numbers

    async def _found(self, digests: Collection[str]) -> dict[str, int]:
        finding = select(accounts.c.digest, accounts.c.id)
        asked = list(digests)
        found: dict[str, int] = {}
        for start in range(0, len(asked), MOST_ASKED):
            part = finding.where(accounts.c.digest.in_(asked[start : start + MOST_ASKED]))
            found.update((digest, number) for digest, number in await self._connection.execute(part))
        return found


def _digest(account: Account) -> str:
    return hashlib.sha256(json.dumps(account).encode()).hexdigest()
