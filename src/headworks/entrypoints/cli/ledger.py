"""`headworks ledger`: accounts, entries, and the proof that all of it adds up."""

import json
from typing import Annotated

import typer

from headworks.entrypoints.cli.client import cursor_of
from headworks.entrypoints.cli.money import moment, usd
from headworks.entrypoints.cli.output import note, say, say_json, say_list, say_table
from headworks.entrypoints.cli.records import Record, number, record, records, text
from headworks.entrypoints.cli.session import AsJson, connect

app = typer.Typer(help="Accounts, entries, and the proof that they add up.", no_args_is_help=True)

_PER_PAGE = 200
_PROBLEMS = {
    "unbalanced": "its entries do not add up to nothing",
    "records_differ": "its entries are not what the usage records that name it come to",
    "stray_records": "usage records name a transaction that is not there",
    "unsettled_records": "usage records are not settled",
    "adjustments_differ": "its entries are not what its adjustments come to",
    "counters_differ": "its counters are not what the entries say",
    "holds_differ": "what gateways hold is not what the entries say",
    "spent_differs": "what was spent is not what the usage records come to",
}


@app.command("accounts")
def list_accounts(
    context: typer.Context,
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="charge, payable, margin, authorized, available, held or spent."),
    ] = None,
    key_id: Annotated[str | None, typer.Option("--key", metavar="ID", help="Only of this key.")] = None,
    budget_id: Annotated[str | None, typer.Option("--budget", metavar="ID", help="Only of this budget.")] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="TIME", help="As they stood then: 2026-01-31, or with a time.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List accounts and what they come to, in US dollars: debit is positive, credit negative."""
    given = {"kind": kind, "key_id": key_id, "budget_id": budget_id, "as_of": moment("--as-of", as_of)}
    with connect(context) as client:
        query = {name: value for name, value in given.items() if value is not None}
        found = client.everything("/ledger/accounts", query)
    if as_json:
        say_json(found)
        return
    say_table(
        [
            ("ACCOUNT", lambda one: str(number(one, "account"))),
            ("KIND", lambda one: text(one, "kind")),
            ("OF", _of),
            ("ENTRIES", lambda one: f"{number(one, 'entries'):,}"),
            ("BALANCE", lambda one: usd(one, "balance")),
        ],
        found,
        right=frozenset({"ENTRIES", "BALANCE"}),
    )


@app.command("entries")
def list_entries(
    context: typer.Context,
    account: Annotated[int | None, typer.Option(metavar="NUMBER", min=1, help="Only of this account.")] = None,
    transaction: Annotated[int | None, typer.Option(metavar="NUMBER", min=1, help="Only of this transaction.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=100_000, help="At most so many.")] = 50,
    *,
    as_json: AsJson = False,
) -> None:
    """List entries, the newest first, in US dollars. Those of one transaction add up to nothing."""
    given = {"account": account, "transaction": transaction}
    found: list[Record] = []
    with connect(context) as client:
        place: dict[str, str | int] = {}
        while len(found) < limit:
            query: dict[str, str | int] = {name: value for name, value in given.items() if value is not None}
            query |= {"per_page": min(_PER_PAGE, limit - len(found)), **place}
            answer = client.call("GET", "/ledger/entries", query=query)
            found += records(answer.get("data"))
            following = cursor_of(answer)
            if following is None:
                break
            place = {"cursor": following}
    say_list(
        [
            ("TRANSACTION", lambda one: str(number(one, "transaction"))),
            ("ACCOUNT", lambda one: str(number(one, "account"))),
            ("KIND", lambda one: text(one, "kind")),
            ("OF", _of),
            ("AMOUNT", lambda one: usd(one, "amount")),
        ],
        found,
        as_json=as_json,
    )


@app.command("verify")
def verify_ledger(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Prove that every transaction adds up to nothing, that every record is settled once, and that budgets count it.

    Exit status 1 when something does not agree.
    """
    report: Record = {}
    with connect(context) as client:
        for line in client.lines("/ledger/verification/progress"):
            report = record(json.loads(line))
            if not as_json and report.get("finished") is not True:
                note(f"{number(report, 'transactions'):,} transactions, {number(report, 'records'):,} records so far")
    if as_json:
        say_json(report)
    else:
        for fault in records(report.get("faults")):
            say(_told(fault))
        looked = (
            f"{number(report, 'transactions'):,} transactions with {number(report, 'entries'):,} entries, "
            f"{number(report, 'records'):,} usage records, {number(report, 'budget_periods'):,} budget periods"
        )
        agrees = "all of it agrees" if report.get("agrees") is True else "NOT ALL OF IT AGREES"
        say(f"{looked}: {agrees}.")
    if report.get("agrees") is not True or report.get("finished") is not True:
        raise typer.Exit(1)


def _told(fault: Record) -> str:
    problem = text(fault, "problem")
    where = "the ledger"
    if fault.get("transaction") is not None:
        where = f"transaction {number(fault, 'transaction')}"
    elif text(fault, "budget_id"):
        where = f"budget {text(fault, 'budget_id')} from {text(fault, 'period_start')}"
    return f"{where}: {_PROBLEMS.get(problem, problem)} (by {number(fault, 'difference'):,})"


def _of(one: Record) -> str:
    names = [text(one, field) for field in ("key_id", "provider_id", "budget_id", "period_start", "source")]
    return " ".join(name for name in names if name) or "-"
