"""`headworks budgets`: how much may be spent, by whom, and what is left."""

from datetime import timedelta
from typing import Annotated

import typer

from headworks.entrypoints.cli.client import Client
from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.find import find, path_of
from headworks.entrypoints.cli.keys.changing import find_key
from headworks.entrypoints.cli.keys.periods import length
from headworks.entrypoints.cli.money import dollars, moment, usd
from headworks.entrypoints.cli.output import note, say, say_json, say_table, tell
from headworks.entrypoints.cli.records import Record, record, records, text
from headworks.entrypoints.cli.session import AsJson, connect
from headworks.kernel.clock import now

app = typer.Typer(help="How much may be spent, and what is left.", no_args_is_help=True)

_PATH = "/budgets"
_FIGURES = frozenset({"AMOUNT", "SPENT", "HELD", "LEFT"})
_Which = Annotated[str, typer.Argument(metavar="BUDGET", help="Its id or name.")]
_Amount = Annotated[str, typer.Option("--amount", metavar="USD", help="For each period, in US dollars.")]
_Alerts = Annotated[
    str | None,
    typer.Option("--alerts", metavar="LIST", help="Percents at which it is told, such as 50,80,100; '' for none."),
]


@app.command("list")
def list_budgets(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the budgets of your organisation, and how they stand, in US dollars."""
    with connect(context) as client:
        budgets = client.everything(_PATH)
    if as_json:
        say_json(budgets)
        return
    if not budgets:
        note("There is no budget. Set one: headworks budgets add NAME --amount USD --per month")
        return
    say_table(
        [
            ("ID", lambda one: text(one, "id")),
            ("NAME", lambda one: text(one, "name")),
            ("OF", _of),
            ("PER", _per),
            ("KIND", lambda one: "hard" if one.get("hard") is True else "soft"),
            ("AMOUNT", lambda one: usd(_current(one), "authorized")),
            ("SPENT", lambda one: usd(_current(one), "spent")),
            ("HELD", lambda one: usd(_current(one), "held")),
            ("LEFT", lambda one: usd(_current(one), "left")),
            ("UNTIL", lambda one: text(_current(one), "end", "-")[:16].replace("T", " ")),
        ],
        budgets,
        right=_FIGURES,
    )


@app.command("add")
def add_budget(  # noqa: PLR0913, PLR0917 - each is an option of the command
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    amount: _Amount,
    per: Annotated[str, typer.Option("--per", metavar="PERIOD", help="day, week, month, or total for all time.")],
    key: Annotated[str | None, typer.Option(metavar="KEY", help="Of this key, by id or name.")] = None,
    project: Annotated[str | None, typer.Option(metavar="PROJECT", help="Of this project, by id or name.")] = None,
    user: Annotated[str | None, typer.Option(metavar="ID", help="Of this user, by id.")] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Of this model.")] = None,
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
    given = [(scope, value) for scope, value in _scopes(key, project, user, model) if value is not None]
    if len(given) > 1:
        raise BadUsage("a budget is of one thing.", "Give one of --key, --project, --user and --model.")
    wish: dict[str, object] = {
        "name": name,
        "scope": "organization",
        "amount_nanodollars": dollars("--amount", amount),
        "period": per,
        "time_zone": time_zone,
        "anchor": anchor,
        "hard": not soft,
        "thresholds": _percents(alerts) or [],
    }
    with connect(context) as client:
        for scope, value in given:
            wish |= {"scope": scope, "scope_id": _id_of(client, scope, value)}
        budget = client.post(_PATH, wish)
    _tell("Set", budget, as_json=as_json)


@app.command("show")
def show_budget(context: typer.Context, budget: _Which, *, as_json: AsJson = False) -> None:
    """Show one budget: what is spent, held and left, and which raises count."""
    with connect(context) as client:
        found = find(client, _PATH, "budget", budget)
    if as_json:
        say_json(found)
        return
    current = _current(found)
    say(
        f"{text(found, 'name')} ({text(found, 'id')}): {usd(found, 'amount')} USD {_per(found)}, "
        f"{'hard' if found.get('hard') is True else 'soft'}, of {_of(found)}",
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
    given: dict[str, object] = {
        "name": name,
        "amount_nanodollars": None if amount is None else dollars("--amount", amount),
        "hard": hard,
        "thresholds": _percents(alerts),
    }
    changes: Record = {field: value for field, value in given.items() if value is not None}
    if not changes:
        raise BadUsage("nothing is to be changed.", "Give --name, --amount, --hard, --soft or --alerts.")
    with connect(context) as client:
        changed = client.patch(path_of(_PATH, find(client, _PATH, "budget", budget)), changes)
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
    if (lasting is None) == (until is None):
        raise BadUsage("a raise ends.", "Give one of --for and --until.")
    end = moment("--until", until) if lasting is None else _later(length(lasting, "--for"))
    with connect(context) as client:
        path = path_of(_PATH, find(client, _PATH, "budget", budget))
        made = client.post(f"{path}/raises", {"amount_nanodollars": dollars("--by", amount), "until": end})
    tell(made, f"Raised it by {usd(made, 'amount')} USD until {text(made, 'until')}.", as_json=as_json)


@app.command("remove")
def remove_budget(context: typer.Context, budget: _Which, *, as_json: AsJson = False) -> None:
    """Remove a budget: nothing is held to it any more. What it counted stays in the ledger."""
    with connect(context) as client:
        found = find(client, _PATH, "budget", budget)
        client.delete(path_of(_PATH, found))
    tell({"removed": text(found, "id")}, f"Removed the budget {text(found, 'name')!r}.", as_json=as_json)


def _scopes(key: str | None, project: str | None, user: str | None, model: str | None) -> list[tuple[str, str | None]]:
    return [("key", key), ("project", project), ("user", user), ("model", model)]


def _id_of(client: Client, scope: str, value: str) -> str:
    if scope == "key":
        return find_key(client, value)
    if scope == "project":
        return text(find(client, "/projects", "project", value), "id")
    return value


def _percents(alerts: str | None) -> list[int] | None:
    if alerts is None:
        return None
    parts = [part.strip() for part in alerts.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise BadUsage(f"--alerts: {alerts!r} is no list of percents.", "Write it as 50,80,100.")
    return [int(part) for part in parts]


def _later(by: timedelta) -> str:
    try:
        return (now() + by).isoformat()
    except OverflowError:
        raise BadUsage("--for: that is beyond the calendar.") from None


def _current(budget: Record) -> Record:
    return record(budget.get("current"))


def _of(budget: Record) -> str:
    scope = text(budget, "scope")
    return "the organisation" if scope == "organization" else f"{scope} {text(budget, 'scope_id')}"


def _per(budget: Record) -> str:
    period = text(budget, "period")
    return "in total" if period == "total" else f"a {period}"


def _tell(done: str, budget: Record, *, as_json: bool) -> None:
    left = usd(_current(budget), "left")
    sentence = (
        f"{done} the budget {text(budget, 'name')!r} ({text(budget, 'id')}): {usd(budget, 'amount')} USD "
        f"{_per(budget)}, of {_of(budget)}; {left} USD are left."
    )
    tell(budget, sentence, as_json=as_json)
