"""`headworks users`: everybody in the installation. For operators; `headworks members` is for one organisation."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.find import find, path_of
from headworks.entrypoints.cli.output import say_list, tell
from headworks.entrypoints.cli.records import Record, text
from headworks.entrypoints.cli.session import AsJson, connect

app = typer.Typer(help="Users: everybody in the installation. For operators.", no_args_is_help=True)

_PATH = "/users"
_Which = Annotated[str, typer.Argument(metavar="USER", help="Their id or email address.")]


@app.command("list")
def list_users(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List everybody in the installation."""
    with connect(context) as client:
        found = client.everything(_PATH)
    say_list(
        [
            ("ID", lambda one: text(one, "id")),
            ("EMAIL", lambda one: text(one, "email")),
            ("NAME", lambda one: text(one, "name")),
            ("STATE", lambda one: text(one, "state")),
            ("OPERATOR", lambda one: "yes" if one.get("is_operator") is True else "no"),
            ("CREATED", lambda one: text(one, "created_at")[:10]),
        ],
        found,
        as_json=as_json,
    )


@app.command("disable")
def disable(context: typer.Context, user: _Which, *, as_json: AsJson = False) -> None:
    """Keep somebody out: they cannot sign in, and their keys stop working within a second."""
    _tell("Disabled", _change(context, user, {"state": "disabled"}), as_json=as_json)


@app.command("enable")
def enable(context: typer.Context, user: _Which, *, as_json: AsJson = False) -> None:
    """Let somebody in again."""
    _tell("Enabled", _change(context, user, {"state": "active"}), as_json=as_json)


@app.command("promote")
def promote(context: typer.Context, user: _Which, *, as_json: AsJson = False) -> None:
    """Make somebody an operator, who may do everything in the whole installation."""
    _tell("Made an operator:", _change(context, user, {"is_operator": True}), as_json=as_json)


@app.command("demote")
def demote(context: typer.Context, user: _Which, *, as_json: AsJson = False) -> None:
    """Make an operator an ordinary user. The last one stays."""
    _tell("No operator any more:", _change(context, user, {"is_operator": False}), as_json=as_json)


def _change(context: typer.Context, wanted: str, change: Record) -> Record:
    with connect(context) as client:
        found = find(client, _PATH, "user", wanted, ("email",))
        return client.patch(path_of(_PATH, found), change)


def _tell(done: str, user: Record, *, as_json: bool) -> None:
    tell(user, f"{done} {text(user, 'email')} ({text(user, 'id')}).", as_json=as_json)
