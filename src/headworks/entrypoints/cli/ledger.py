"""`headworks ledger`: accounts, entries, and the proof that all of it adds up."""

import json
from typing import Annotated, Literal

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.failures import Unreachable
from headworks.entrypoints.cli.moments import moment, moment_of
from headworks.entrypoints.cli.money import usd
from headworks.entrypoints.cli.nouns import BUDGETS, KEYS, find
from headworks.entrypoints.cli.output import counted, field, minute, note, say, say_json, say_list, say_table, tell
from headworks.entrypoints.cli.records import Record, number, record, records, text
from headworks.entrypoints.cli.session import AsJson, connect

app = typer.Typer(help="Accounts, entries, and the proof that they add up.", no_args_is_help=True)

AccountKind = Literal["charge", "payable", "margin", "authorized", "available", "held", "spent"]
TransactionKind = Literal[
    "usage", "period_opened", "lease_granted", "lease_returned", "lease_reclaimed", "allowance_changed", "re_rating"
]

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
    kind: Annotated[AccountKind | None, typer.Option("--kind", help="Only of this kind.")] = None,
    key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Only of this key, by id or name.", autocompletion=completing(KEYS)),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(metavar="BUDGET", help="Only of this budget, by id or name.", autocompletion=completing(BUDGETS)),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="TIME", help="As they stood then: 2026-01-31, or with a time.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List accounts and what they come to, in US dollars: debit is positive, credit negative."""
    until = moment("--as-of", as_of)
    with connect(context) as client:
        key_id = None if key is None else find(client, KEYS, key)["id"]
        # A budget that was removed has its accounts for ever, and is found by its id alone.
        budget_id = budget if budget is None or BUDGETS.is_id(budget) else find(client, BUDGETS, budget)["id"]
        found = client.all_of(client.api.list_accounts, kind=kind, key_id=key_id, budget_id=budget_id, as_of=until)
    if as_json:
        say_json(found)
        return
    if not found:
        note("No account matches. There are some when something was charged, or a budget was set.")
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
    with connect(context) as client:
        found = client.first_of(client.api.list_entries, limit, account=account, transaction=transaction)
    if as_json:
        say_json(found)
        return
    if not found:
        note("No entry matches. The accounts that there are: headworks ledger accounts")
        return
    say_table(
        [
            ("TRANSACTION", lambda one: str(number(one, "transaction"))),
            ("ACCOUNT", lambda one: str(number(one, "account"))),
            ("KIND", lambda one: text(one, "kind")),
            ("OF", _of),
            ("AMOUNT", lambda one: usd(one, "amount")),
        ],
        found,
        right=frozenset({"AMOUNT"}),
    )


@app.command("transactions")
def list_transactions(
    context: typer.Context,
    kind: Annotated[TransactionKind | None, typer.Option("--kind", help="Only of this kind.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="From then on: 2026-01-31, or with a time.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="And before then.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=100_000, help="At most so many.")] = 50,
    *,
    as_json: AsJson = False,
) -> None:
    """List transactions, the newest first. None of them ever changes."""
    first, last = moment("--from", since), moment("--to", until)
    with connect(context) as client:
        found = client.first_of(client.api.list_transactions, limit, kind=kind, from_=first, to=last)
    say_list(
        [
            ("TRANSACTION", lambda one: str(number(one, "transaction"))),
            ("KIND", field("kind")),
            ("AT", lambda one: minute(one, "at")),
            ("REFERENCE", field("reference")),
        ],
        found,
        as_json=as_json,
        empty="No transaction matches. There is one for each batch of usage, and for each lease on a budget.",
    )


@app.command("close")
def close_period(
    context: typer.Context,
    until: Annotated[
        str, typer.Option("--until", metavar="DAY", help="Usage before then: 2026-02-01 in UTC, or with a time.")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Close everything up to a day, for good: it was invoiced, and is not rated anew any more.

    Begins where the last closed period ends. Usage that arrives later is settled all the same.
    """
    wish = moment_of("--until", until)
    with connect(context) as client:
        made = client.api.close_period({"until": wish})
    told = (
        f"Closed {_stretch(made)} ({text(made, 'id')}): {counted(number(made, 'records'), 'request')}, "
        f"cost {usd(made, 'cost')} USD, charge {usd(made, 'charge')} USD."
    )
    tell(made, told, as_json=as_json)


@app.command("closed-periods")
def list_closed_periods(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List what was closed, the newest first, as it stood then, in US dollars."""
    with connect(context) as client:
        found = client.all_of(client.api.list_closed_periods)
    if as_json:
        say_json(found)
        return
    if not found:
        note("Nothing is closed yet. When a month is invoiced: headworks ledger close --until 2026-02-01")
        return
    say_table(
        [
            ("ID", lambda one: text(one, "id")),
            ("FROM", lambda one: minute(one, "start", "the beginning")),
            ("UNTIL", lambda one: minute(one, "end")),
            ("CLOSED", lambda one: minute(one, "closed_at")),
            ("REQUESTS", lambda one: f"{number(one, 'records'):,}"),
            ("COST", lambda one: usd(one, "cost")),
            ("CHARGE", lambda one: usd(one, "charge")),
        ],
        found,
        right=frozenset({"REQUESTS", "COST", "CHARGE"}),
    )


@app.command("rebuild")
def rebuild_counters(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Make the counters of every budget anew from the entries. They are a cache: nothing should be different then."""
    with connect(context) as client:
        done = client.api.rebuild_counters()
    different = number(done, "different")
    said = (
        "all of them were right" if not different else f"{counted(different, 'counter')} WERE DIFFERENT, and are mended"
    )
    tell(done, f"Made the counters anew: {said}.", as_json=as_json)


@app.command("verify")
def verify_ledger(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Prove that every transaction adds up to nothing, that every record is settled once, and that budgets count it.

    Exit status 1 when something does not agree.
    """
    report: Record = {}
    with connect(context) as client:
        for line in client.lines("/ledger/verification/progress"):
            report = _report(line)
            if not as_json and report.get("finished") is not True:
                note(f"{_looked_at(report)} so far")
    if report.get("finished") is not True:
        raise Unreachable("the proof did not come to its end.", "Nothing is said of the rest: try again.")
    if as_json:
        say_json(report)
    else:
        for fault in records(report.get("faults")):
            say(_told(fault))
        agrees = "all of it agrees" if report.get("agrees") is True else "NOT ALL OF IT AGREES"
        say(f"{_looked_at(report)}: {agrees}.")
    if report.get("agrees") is not True:
        raise typer.Exit(1)


def _report(line: str) -> Record:
    try:
        return record(json.loads(line))
    except ValueError:
        return {}


def _looked_at(report: Record) -> str:
    gone = number(report, "forgotten_records")
    return ", ".join(
        (
            f"{counted(number(report, 'transactions'), 'transaction')} with {number(report, 'entries'):,} entries",
            counted(number(report, "records"), "usage record") + (f" ({gone:,} forgotten since)" if gone else ""),
            counted(number(report, "budget_periods"), "budget period"),
        )
    )


def _told(fault: Record) -> str:
    problem = text(fault, "problem")
    where = "the ledger"
    if fault.get("transaction") is not None:
        where = f"transaction {number(fault, 'transaction')}"
    elif text(fault, "budget_id"):
        where = f"budget {text(fault, 'budget_id')} from {text(fault, 'period_start')}"
    return f"{where}: {_PROBLEMS.get(problem, problem)} (by {number(fault, 'difference'):,})"


def _stretch(period: Record) -> str:
    return f"{minute(period, 'start', 'the beginning')} to {minute(period, 'end')} UTC"


def _of(one: Record) -> str:
    names = [text(one, field) for field in ("key_id", "provider_id", "budget_id", "period_start", "source")]
    return " ".join(name for name in names if name) or "-"
