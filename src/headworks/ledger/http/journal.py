"""The journal over HTTP: accounts and what they come to, transactions, entries."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request
from pydantic import Field

from headworks.kernel.pagination import CursorPage, PageRequest, decode_cursor, encode_cursor
from headworks.kernel.principal import Principal
from headworks.kernel.web import (
    CursorEnvelope,
    CursorQuery,
    Envelope,
    PageEnvelope,
    PageQuery,
    ResponseModel,
    Router,
    Timestamp,
    cursor_envelope,
    envelope,
    page_envelope,
    provided,
    raises,
    require,
)
from headworks.ledger.contracts import Account, AccountKind, Balance, Entry, Transaction, TransactionKind
from headworks.ledger.errors import TransactionNotFound
from headworks.ledger.http.shapes import LONGEST, MoneyOut, at, maybe_at, maybe_micros, money
from headworks.ledger.ports import BalanceFilter, EntryFilter, Ledger, TransactionFilter

router = Router("/ledger")

_Ledger = Annotated[Ledger, provided(Ledger)]
_Reader = Annotated[Principal, require("ledger:read")]
_LARGEST = 2**62
_Number = Annotated[int | None, Query(ge=1, le=_LARGEST)]
_Id = Annotated[str | None, Query(max_length=LONGEST)]
_Time = Annotated[Timestamp | None, Query()]


class AccountNames(ResponseModel):
    """What an account is of; what says nothing for its kind is empty or null."""

    kind: AccountKind
    """`charge`: what a key is charged. `payable`: what its provider costs. `margin`: the difference. The others are of one period
    of a budget: `authorized`, `available`, `held` by a gateway, `spent`."""
    project_id: str
    key_id: str
    provider_id: str
    budget_id: str
    period_start: Timestamp | None
    source: str
    """The gateway that holds."""


class AccountOut(AccountNames):
    """An account, and what its entries come to. Debit is positive, credit negative."""

    account: int
    balance: MoneyOut
    entries: int


class EntryOut(AccountNames):
    """One amount on one account. Debit is positive, credit negative."""

    transaction: int
    account: int
    amount: MoneyOut


class TransactionOut(ResponseModel):
    """Entries that were made together, and add up to nothing. It never changes."""

    transaction: int
    kind: TransactionKind
    at: Timestamp
    reference: str
    """Id of the budget or the re-rating that it is about; empty for usage."""


class WholeTransactionOut(TransactionOut):
    """With its entries."""

    entries: list[EntryOut] = Field(description="All of them; their amounts add up to nothing.")


@router.get("/accounts")
async def list_accounts(  # noqa: PLR0913, PLR0917 - each is a filter
    request: Request,
    principal: _Reader,
    ledger: _Ledger,
    paging: PageQuery,
    kind: Annotated[AccountKind | None, Query()] = None,
    project_id: _Id = None,
    key_id: _Id = None,
    provider_id: _Id = None,
    budget_id: _Id = None,
    as_of: Annotated[Timestamp | None, Query(description="As they stood then; now when left out.")] = None,
) -> PageEnvelope[AccountOut]:
    """Accounts, and what they come to, now or at any time."""
    until_us = maybe_micros("query.as_of", as_of)
    wanted = BalanceFilter(kind, project_id, key_id, provider_id, budget_id, until_us)
    async with ledger.reading(principal.organization_id) as reading:
        page = await reading.balances(wanted, PageRequest(paging.page, paging.per_page))
    return page_envelope(page.map(_account), request)


@router.get("/transactions")
async def list_transactions(
    request: Request,
    principal: _Reader,
    ledger: _Ledger,
    stretch: CursorQuery,
    kind: Annotated[TransactionKind | None, Query()] = None,
    reference: Annotated[str | None, Query(max_length=LONGEST, description="Of this budget or re-rating.")] = None,
    since: Annotated[Timestamp | None, Query(alias="from", description="From this time on.")] = None,
    until: Annotated[Timestamp | None, Query(alias="to", description="Before this time.")] = None,
) -> CursorEnvelope[TransactionOut]:
    """Transactions, the newest first."""
    wanted = TransactionFilter(kind, reference, maybe_micros("query.from", since), maybe_micros("query.to", until))
    before = None if stretch.cursor is None else _numbers(stretch.cursor, 1)[0]
    async with ledger.reading(principal.organization_id) as reading:
        found = await reading.transactions(wanted, before, stretch.per_page + 1)
    shown = found[: stretch.per_page]
    following = encode_cursor(shown[-1].number) if len(found) > len(shown) else None
    return cursor_envelope(CursorPage(shown, following).map(_transaction), request)


@router.get("/transactions/{number}", dependencies=[raises(TransactionNotFound)])
async def show_transaction(
    request: Request, principal: _Reader, ledger: _Ledger, number: Annotated[int, Path(ge=1, le=_LARGEST)]
) -> Envelope[WholeTransactionOut]:
    """One transaction with its entries."""
    async with ledger.reading(principal.organization_id) as reading:
        found = await reading.transaction(number)
        if found is None:
            raise TransactionNotFound(number)
        entries = await reading.entries(EntryFilter(transaction=number), None, _LARGEST)
    shown = [_entry(account, entry) for account, entry in reversed(entries)]
    whole = WholeTransactionOut(**_transaction(found).model_dump(), entries=shown)
    return envelope(whole, request)


@router.get("/entries")
async def list_entries(
    request: Request,
    principal: _Reader,
    ledger: _Ledger,
    stretch: CursorQuery,
    account: _Number = None,
    transaction: _Number = None,
) -> CursorEnvelope[EntryOut]:
    """Entries of all accounts or of one, the newest first."""
    before = None if stretch.cursor is None else _numbers(stretch.cursor, 2)
    place = None if before is None else (before[0], before[1])
    async with ledger.reading(principal.organization_id) as reading:
        found = await reading.entries(EntryFilter(account, transaction), place, stretch.per_page + 1)
    shown = found[: stretch.per_page]
    following = encode_cursor(shown[-1][1].transaction, shown[-1][0]) if len(found) > len(shown) else None
    page = CursorPage([_entry(number, entry) for number, entry in shown], following)
    return cursor_envelope(page, request)


def _numbers(cursor: str, count: int) -> list[int]:
    return [min(max(int(value), 0), _LARGEST) for value in decode_cursor(cursor, *[int] * count)]


def _names(account: Account) -> AccountNames:
    return AccountNames(
        kind=account.kind,
        project_id=account.project_id,
        key_id=account.key_id,
        provider_id=account.provider_id,
        budget_id=account.budget_id,
        period_start=maybe_at(account.period_start_us),
        source=account.source,
    )


def _account(one: Balance) -> AccountOut:
    names = _names(one.account).model_dump()
    return AccountOut(**names, account=one.number, balance=money(one.amount), entries=one.entries)


def _entry(account: int, entry: Entry) -> EntryOut:
    names = _names(entry.account).model_dump()
    return EntryOut(**names, transaction=entry.transaction, account=account, amount=money(entry.amount))


def _transaction(one: Transaction) -> TransactionOut:
    return TransactionOut(transaction=one.number, kind=one.kind, at=at(one.at_us), reference=one.reference)
