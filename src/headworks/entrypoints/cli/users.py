"""`headworks users`: everybody in the installation. For operators; `headworks members` is for one organisation."""

from typing import TYPE_CHECKING, Annotated

import typer

from headworks.entrypoints.cli.client import Client
from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.nouns import MEMBERS, USERS, find, seen
from headworks.entrypoints.cli.output import day, field, note, say, say_json, say_list, tell
from headworks.entrypoints.cli.records import Record, text
from headworks.entrypoints.cli.session import AsJson, connect

if TYPE_CHECKING:
    from headworks.client.shapes import UserChangeBody, UserOut

app = typer.Typer(help="Users: everybody in the installation. For operators.", no_args_is_help=True)

_Which = Annotated[
    str, typer.Argument(metavar="USER", help="Their id or email address.", autocompletion=completing(USERS))
]
_Whose = Annotated[
    str, typer.Argument(metavar="USER", help="Their email address or id.", autocompletion=completing(MEMBERS))
]


@app.command("list")
def list_users(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List everybody in the installation."""
    with connect(context) as client:
        found = USERS.all(client)
    say_list(
        [
            ("ID", field("id")),
            ("EMAIL", field("email")),
            ("NAME", field("name")),
            ("STATE", field("state")),
            ("OPERATOR", lambda one: "yes" if one.get("is_operator") is True else "no"),
            ("CREATED", day("created_at")),
        ],
        found,
        as_json=as_json,
        empty="There is nobody yet. Invite somebody: headworks invites create ADDRESS",
    )


@app.command("rename")
def rename(
    context: typer.Context,
    user: _Which,
    name: Annotated[str, typer.Argument(metavar="NEW-NAME", help="What they are to be called.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Call somebody something else."""
    _tell("Renamed", _change(context, user, {"name": name}), as_json=as_json)


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


@app.command("reset-password")
def reset_password(context: typer.Context, user: _Whose, *, as_json: AsJson = False) -> None:
    """Give somebody a password that works once, and print it, this once. Their sessions end.

    For operators, and for admins whose member belongs to no other organisation. At their next sign-in they choose their own.
    """
    with connect(context) as client:
        made = client.api.reset_password(_id_of(client, user))
    if as_json:
        say_json(made)
        return
    say(text(made, "password"))
    note(
        f"Hand it to {text(made, 'email')} yourself: it cannot be shown again. Then: headworks login, headworks password"
    )


@app.command("reset-second-factor")
def reset_second_factor(context: typer.Context, user: _Which, *, as_json: AsJson = False) -> None:
    """Take away the second factor of somebody who lost it, and their recovery codes. For operators.

    Make sure that it is they who ask: afterwards their password alone lets them in.
    """
    with connect(context) as client:
        found = find(client, USERS, user)
        client.api.reset_second_factor(found["id"])
    tell({"reset": found["id"]}, f"{text(found, 'email')} signs in with their password alone now.", as_json=as_json)


def _id_of(client: Client, wanted: str) -> str:
    """The user's id. Operators know everybody, admins their members. Raises Refused."""
    if USERS.is_id(wanted):
        return wanted
    if "installation:operate" in client.api.me()["permissions"]:
        return find(client, USERS, wanted)["id"]
    return find(client, MEMBERS, wanted)["user_id"]


def _change(context: typer.Context, wanted: str, change: "UserChangeBody") -> "UserOut":
    with connect(context) as client:
        found = find(client, USERS, wanted)
        return client.api.change_user(found["id"], change, if_match=seen(found))


def _tell(done: str, user: Record, *, as_json: bool) -> None:
    tell(user, f"{done} {text(user, 'email')} ({text(user, 'id')}).", as_json=as_json)
