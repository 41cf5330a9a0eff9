"""`headworks budgets`: how much may be spent, by whom, and what is left."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.failures import BadUsage, Refused
from headworks.entrypoints.cli.keys.periods import length
from headworks.entrypoints.cli.moments import moment_of
from headworks.entrypoints.cli.money import dollars, usd
from headworks.entrypoints.cli.nouns import BUDGETS, find, seen
from headworks.entrypoints.cli.output import field, minute, note, say, say_json, say_table, tell
from headworks.entrypoints.cli.records import Record, record, records, text
from headworks.entrypoints.cli.scopes import OfKey, OfModel, OfProject, OfUser, id_of, of, only
from headworks.entrypoints.cli.session import AsJson, connect
from headworks.kernel.clock import now

if TYPE_CHECKING:
    from headworks.client.shapes import BudgetChangesIn, NewBudgetIn

app = typer.Typer(help="How much may be spent, and what is left.", no_args_is_help=True)

Period = Literal["day", "week", "month", "total"]

_FIGURES = frozenset({"AMOUNT", "SPENT", "HELD", "LEFT"})
_Which = Annotated[str, typer.Argument(metavar="BUDGET", help="Its id or name.", autocompletion=completing(BUDGETS))]
_Amount = Annotated[str, typer.Option("--amount", metavar="USD", help="For each period, in US dollars.")]
_Alerts = Annotated[
    str | None,
    typer.Option("--alerts", metavar="LIST", help="Percents at which it is told, such as 50,80,100; '' for none."),
]


@app.command("list")
def list_budgets(
    context: typer.Context,
    key: OfKey = None,
    project: OfProject = None,
    user: OfUser = None,
    model: OfModel = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the budgets of your organisation, or of one thing in it, and how they stand, in US dollars."""
    scope = only(key, project, user, model)
    with connect(context) as client:
        query = {} if scope is None else {"scope": scope[0], "scope_id": id_of(client, *scope)}
        budgets = BUDGETS.all(client, **query)
    if as_json:
        say_json(budgets)
        return
    if not budgets:
        none = "There is no budget" if scope is None else "No budget matches"
        note(f"{none}. Set one: headworks budgets add NAME --amount USD --per month")
        return
    say_table(
        [
            ("ID", field("id")),
            ("NAME", field("name")),
            ("OF", of),
            ("PER", _per),
            ("KIND", lambda one: "hard" if one.get("hard") is True else "soft"),
            ("AMOUNT", lambda one: usd(_current(one), "authorized")),
            ("SPENT", lambda one: usd(_current(one), "spent")),
            ("HELD", lambda one: usd(_current(one), "held")),
            ("LEFT", lambda one: usd(_current(one), "left")),
            ("UNTIL", lambda one: minute(_current(one), "end")),
        ],
        budgets,
        right=_FIGURES,
    )


@app.command("add")
def add_budget(  # noqa: PLR0913, PLR0917 - each is an option of the command
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    amount: _Amount,
    per: Annotated[Period, typer.Option("--per", help="How long a period is; total is for all time.")],
    key: OfKey = None,
    project: OfProject = None,
    user: OfUser = None,
    model: OfModel = None,
    time_zone: Annotated[
        str, typer.Option(metavar="ZONE", help="Whose midnights begin a period, such as Europe/Berlin.")
    ] = "UTC",
    anchor: Annotated[
        int | None,
        typer.Option(metavar="DAY", help="On which a period begins: of the week (1 is Monday), or of the month."),
    ] = None,
    alerts: _Alerts = None,
    *,
    soft: Annotated[bool, typer.Option("--soft", help="Tell when it is spent, and refuse nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Set a budget, of the whole organisation unless you say of what. What was spent in the running period counts already."""
    scope = only(key, project, user, model)
    wish: NewBudgetIn = {
        "name": name,
        "scope": "organization",
        "amount_nanodollars": dollars("--amount", amount),
        "period": per,
        "time_zone": time_zone,
        "anchor": anchor,
        "hard": not soft,
        "thresholds": _percents(alerts or ""),
    }
    with connect(context) as client:
        if scope is not None:
            wish |= {"scope": scope[0], "scope_id": id_of(client, *scope)}
        made = client.api.create_budget(wish)
    _tell("Set", made, as_json=as_json)


@app.command("show")
def show_budget(context: typer.Context, budget: _Which, *, as_json: AsJson = False) -> None:
    """Show one budget: what is spent, held and left, and which raises count."""
    with connect(context) as client:
        found = find(client, BUDGETS, budget)
    if as_json:
        say_json(found)
        return
    current = _current(found)
    say(
        f"{text(found, 'name')} ({text(found, 'id')}): {usd(found, 'amount')} USD {_per(found)}, "
        f"{'hard' if found.get('hard') is True else 'soft'}, of {of(found)}",
        f"period      {text(current, 'start')} to {text(current, 'end', 'for ever')}, {text(found, 'time_zone')}",
        f"authorised  {usd(current, 'authorized')} USD",
        f"spent       {usd(current, 'spent')} USD",
        f"held        {usd(current, 'held')} USD",
        f"left        {usd(current, 'left')} USD",
    )
    for one in records(found.get("raises")):
        say(f"raise       {usd(one, 'amount')} USD until {text(one, 'until')} ({text(one, 'id')})")
    for one in records(current.get("alerts")):
        say(f"alert       {one.get('percent')} % crossed at {text(one, 'crossed_at')}")


@app.command("change")
def change_budget(
    context: typer.Context,
    budget: _Which,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What it is to be called.")] = None,
    amount: Annotated[str | None, typer.Option(metavar="USD", help="For each period, in US dollars.")] = None,
    hard: Annotated[
        bool | None, typer.Option("--hard/--soft", help="Whether requests are refused when it is spent.")
    ] = None,
    alerts: _Alerts = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Change a budget from now on. What it is of, and its periods, stay: for others set another one."""
    changes: BudgetChangesIn = {}
    if name is not None:
        changes["name"] = name
    if amount is not None:
        changes["amount_nanodollars"] = dollars("--amount", amount)
    if hard is not None:
        changes["hard"] = hard
    if alerts is not None:
        changes["thresholds"] = _percents(alerts)
    if not changes:
        raise BadUsage("nothing is to be changed.", "Give --name, --amount, --hard, --soft or --alerts.")
    with connect(context) as client:
        found = find(client, BUDGETS, budget)
        changed = client.api.change_budget(found["id"], changes, if_match=seen(found))
    _tell("Changed", changed, as_json=as_json)


@app.command("raise")
def raise_budget(
    context: typer.Context,
    budget: _Which,
    amount: Annotated[str, typer.Option("--by", metavar="USD", help="By how much, in US dollars.")],
    lasting: Annotated[
        str | None, typer.Option("--for", metavar="PERIOD", help="For how long, such as 12h or 7d.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Until then: 2026-01-31, or with a time.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Authorise more for a while. Then it is as before, by itself."""
    more, end = dollars("--by", amount), _end(lasting, until)
    with connect(context) as client:
        found = find(client, BUDGETS, budget)
        made = client.api.raise_budget(found["id"], {"amount_nanodollars": more, "until": end})
    tell(made, f"Raised it by {usd(made, 'amount')} USD until {text(made, 'until')}.", as_json=as_json)


@app.command("end-raise")
def end_raise(
    context: typer.Context,
    budget: _Which,
    raise_id: Annotated[
        str | None, typer.Argument(metavar="[RAISE]", help="Its id, where the budget has more than one.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Take a raise back before its time."""
    with connect(context) as client:
        found = find(client, BUDGETS, budget)
        running = [text(one, "id") for one in records(found.get("raises"))]
        if raise_id is None and len(running) > 1:
            raise BadUsage(f"the budget has {len(running)} raises.", f"Say which: {', '.join(running)}.")
        if not running:
            raise Refused("the budget has no raise.", "There is nothing to take back.")
        ended = raise_id or running[0]
        client.api.end_raise(found["id"], ended)
    tell({"ended": ended}, f"Took the raise {ended} back.", as_json=as_json)


@app.command("remove")
def remove_budget(context: typer.Context, budget: _Which, *, as_json: AsJson = False) -> None:
    """Remove a budget: nothing is held to it any more. What it counted stays in the ledger."""
    with connect(context) as client:
        found = find(client, BUDGETS, budget)
        client.api.remove_budget(found["id"], if_match=seen(found))
    tell({"removed": found["id"]}, f"Removed the budget {text(found, 'name')!r}.", as_json=as_json)


def _percents(alerts: str) -> list[int]:
    parts = [part.strip() for part in alerts.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise BadUsage(f"--alerts: {alerts!r} is no list of percents.", "Write it as 50,80,100.")
    return [int(part) for part in parts]


def _end(lasting: str | None, until: str | None) -> str:
    """Of a raise. Raises BadUsage."""
    if lasting is not None and until is None:
        return _later(length(lasting, "--for"))
    if until is not None and lasting is None:
        return moment_of("--until", until)
    raise BadUsage("a raise ends.", "Give one of --for and --until.")


def _later(by: timedelta) -> str:
    try:
        return (now() + by).isoformat()
    except OverflowError:
        raise BadUsage("--for: that is beyond the calendar.", "A raise lasts a year at most.") from None


def _current(budget: Record) -> Record:
    return record(budget.get("current"))


def _per(budget: Record) -> str:
    period = text(budget, "period")
    return "in total" if period == "total" else f"a {period}"


def _tell(done: str, budget: Record, *, as_json: bool) -> None:
    left = usd(_current(budget), "left")
    sentence = (
        f"{done} the budget {text(budget, 'name')!r} ({text(budget, 'id')}): {usd(budget, 'amount')} USD "
        f"{_per(budget)}, of {of(budget)}; {left} USD are left."
    )
    tell(budget, sentence, as_json=as_json)
