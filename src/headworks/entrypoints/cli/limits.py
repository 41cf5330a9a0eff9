"""`headworks limits`: how fast somebody may go: requests, tokens, spend, and requests at once."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.money import dollars
from headworks.entrypoints.cli.nouns import LIMITS, find, seen
from headworks.entrypoints.cli.output import field, minute, note, say, say_json, say_table, tell
from headworks.entrypoints.cli.records import Record, number, text
from headworks.entrypoints.cli.scopes import OfKey, OfModel, OfProject, OfUser, id_of, of, only
from headworks.entrypoints.cli.session import AsJson, connect

if TYPE_CHECKING:
    from headworks.client.shapes import NewLimitIn

app = typer.Typer(help="How fast keys, projects, users and models may go.", no_args_is_help=True)

Unit = Literal["requests", "tokens", "spend", "concurrent"]
Window = Literal["minute", "hour", "day"]

_Which = Annotated[
    str,
    typer.Argument(
        metavar="LIMIT", help="Its id; `headworks limits list` shows it.", autocompletion=completing(LIMITS)
    ),
]
_Requests = Annotated[int | None, typer.Option("--requests", metavar="N", min=1, help="So many requests.")]
_Tokens = Annotated[int | None, typer.Option("--tokens", metavar="N", min=1, help="So many tokens, in and out.")]
_Spend = Annotated[str | None, typer.Option("--spend", metavar="USD", help="So much is charged, in US dollars.")]
_AtOnce = Annotated[
    int | None, typer.Option("--concurrent", metavar="N", min=1, help="So many requests at the same time.")
]


@app.command("list")
def list_limits(
    context: typer.Context,
    key: OfKey = None,
    project: OfProject = None,
    user: OfUser = None,
    model: OfModel = None,
    unit: Annotated[Unit | None, typer.Option("--unit", help="Only those that count this.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the limits of your organisation, or of one thing in it, the oldest first."""
    scope = only(key, project, user, model)
    with connect(context) as client:
        query = {} if scope is None else {"scope": scope[0], "scope_id": id_of(client, *scope)}
        limits = LIMITS.all(client, unit=unit, **query)
    if as_json:
        say_json(limits)
        return
    if not limits:
        none = "There is no limit" if scope is None and unit is None else "No limit matches"
        note(f"{none}. Set one: headworks limits add --requests 100 --per minute --key KEY")
        return
    say_table(
        [
            ("ID", field("id")),
            ("OF", of),
            ("UNIT", field("unit")),
            ("LIMIT", _amount),
            ("PER", field("window", "at once")),
            ("CHANGED", lambda one: minute(one, "updated_at")),
        ],
        limits,
        right=frozenset({"LIMIT"}),
    )


@app.command("add")
def add_limit(  # noqa: PLR0913, PLR0917 - each is an option of the command
    context: typer.Context,
    requests: _Requests = None,
    tokens: _Tokens = None,
    spend: _Spend = None,
    concurrent: _AtOnce = None,
    per: Annotated[
        Window | None, typer.Option("--per", help="In any stretch of time of that length; not for --concurrent.")
    ] = None,
    key: OfKey = None,
    project: OfProject = None,
    user: OfUser = None,
    model: OfModel = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Set a limit, of the whole organisation unless you say of what. Where several hold for a request, the strictest wins.

    headworks limits add --requests 100 --per minute --key my-key
    """
    unit, amount = _wanted(requests, tokens, spend, concurrent)
    if unit == "concurrent" and per is not None:
        raise BadUsage(
            "--per does not go with --concurrent: requests at the same time are counted now.", "Leave it out."
        )
    if unit != "concurrent" and per is None:
        raise BadUsage(f"--{unit} needs --per.", "Give --per minute, --per hour or --per day.")
    scope = only(key, project, user, model)
    wish: NewLimitIn = {"scope": "organization", "unit": unit, "window": per, "amount": amount}
    with connect(context) as client:
        if scope is not None:
            wish |= {"scope": scope[0], "scope_id": id_of(client, *scope)}
        made = client.api.create_limit(wish)
    _tell("Set", made, as_json=as_json)


@app.command("show")
def show_limit(context: typer.Context, limit: _Which, *, as_json: AsJson = False) -> None:
    """Show one limit."""
    with connect(context) as client:
        found = find(client, LIMITS, limit)
    if as_json:
        say_json(found)
        return
    say(f"{'limit':<12} {_told(found)}")
    for name in ("id", "scope", "scope_id", "created_at", "updated_at"):
        say(f"{name:<12} {text(found, name, '-')}")


@app.command("change")
def change_limit(
    context: typer.Context,
    limit: _Which,
    requests: _Requests = None,
    tokens: _Tokens = None,
    spend: _Spend = None,
    concurrent: _AtOnce = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Change how much it is, from the next request on. What was counted stays counted; for another unit set another limit."""
    unit, amount = _wanted(requests, tokens, spend, concurrent)
    with connect(context) as client:
        found = find(client, LIMITS, limit)
        if found["unit"] != unit:
            raise BadUsage(f"--{unit}: {found['id']} is a limit on {found['unit']}.", f"Give --{found['unit']}.")
        changed = client.api.change_limit(found["id"], {"amount": amount}, if_match=seen(found))
    _tell("Changed", changed, as_json=as_json)


@app.command("remove")
def remove_limit(context: typer.Context, limit: _Which, *, as_json: AsJson = False) -> None:
    """Remove a limit: nothing is held to it any more."""
    with connect(context) as client:
        found = find(client, LIMITS, limit)
        client.api.remove_limit(found["id"], if_match=seen(found))
    tell({"removed": found["id"]}, f"Removed the limit {found['id']}: {_told(found)}.", as_json=as_json)


def _wanted(requests: int | None, tokens: int | None, spend: str | None, concurrent: int | None) -> tuple[Unit, int]:
    """What is counted, and how much of it: nanodollars for `spend`. Raises BadUsage."""
    amounts: dict[Unit, int | None] = {
        "requests": requests,
        "tokens": tokens,
        "spend": None if spend is None else dollars("--spend", spend),
        "concurrent": concurrent,
    }
    given = [(unit, amount) for unit, amount in amounts.items() if amount is not None]
    if len(given) != 1:
        what = "nothing is limited" if not given else " and ".join(f"--{unit}" for unit, _ in given) + " are two limits"
        raise BadUsage(f"{what}.", "Give one of --requests, --tokens, --spend and --concurrent.")
    return given[0]


def _amount(limit: Record) -> str:
    return text(limit, "amount_usd") if text(limit, "unit") == "spend" else f"{number(limit, 'amount'):,}"


def _told(limit: Record) -> str:
    """`100 requests per minute, of key key_…`."""
    what = {"spend": "USD", "concurrent": "requests at once"}.get(text(limit, "unit"), text(limit, "unit"))
    window = f" per {text(limit, 'window')}" if text(limit, "window") else ""
    return f"{_amount(limit)} {what}{window}, of {of(limit)}"


def _tell(done: str, limit: Record, *, as_json: bool) -> None:
    tell(limit, f"{done} the limit {text(limit, 'id')}: {_told(limit)}.", as_json=as_json)
