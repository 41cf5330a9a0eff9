"""`headworks service-accounts`: who programs are. Their keys are made by `headworks keys create --service-account`."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.find import edit, find
from headworks.entrypoints.cli.output import say_list, tell
from headworks.entrypoints.cli.records import Record, text
from headworks.entrypoints.cli.session import AsJson, Role, connect

app = typer.Typer(help="Service accounts: who programs are.", no_args_is_help=True)

_PATH = "/service-accounts"
_Which = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Its id or name.")]


@app.command("list")
def list_accounts(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the service accounts of your organisation."""
    with connect(context) as client:
        found = client.everything(_PATH)
    say_list(
        [
            ("ID", lambda one: text(one, "id")),
            ("NAME", lambda one: text(one, "name")),
            ("PROJECT", lambda one: text(one, "project_id")),
            ("ROLE", lambda one: text(one, "role")),
            ("STATE", lambda one: text(one, "state")),
            ("CREATED", lambda one: text(one, "created_at")[:10]),
        ],
        found,
        as_json=as_json,
    )


@app.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    role: Annotated[Role, typer.Option(help="What its management keys may do at most.")] = "viewer",
    project: Annotated[
        str | None, typer.Option(metavar="PROJECT", help="Id or name of its project.  [default: yours]")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a service account, and then its keys: headworks keys create NAME --service-account ACCOUNT."""
    with connect(context) as client:
        wish: dict[str, object] = {"name": name, "role": role}
        if project is not None:
            wish["project_id"] = text(find(client, "/projects", "project", project), "id")
        made = client.post(_PATH, wish)
    _tell("Made", made, as_json=as_json)


@app.command("set-role")
def set_role(
    context: typer.Context,
    account: _Which,
    role: Annotated[Role, typer.Argument(help="What its management keys may do at most.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Give a service account another role; its keys follow within a second."""
    _tell("Changed", _change(context, account, {"role": role}), as_json=as_json)


@app.command("disable")
def disable(context: typer.Context, account: _Which, *, as_json: AsJson = False) -> None:
    """Keep a program out: its keys stop working within a second."""
    _tell("Disabled", _change(context, account, {"state": "disabled"}), as_json=as_json)


@app.command("enable")
def enable(context: typer.Context, account: _Which, *, as_json: AsJson = False) -> None:
    """Let a program in again."""
    _tell("Enabled", _change(context, account, {"state": "active"}), as_json=as_json)


def _change(context: typer.Context, wanted: str, change: Record) -> Record:
    with connect(context) as client:
        return edit(client, _PATH, "service account", wanted, change)


def _tell(done: str, account: Record, *, as_json: bool) -> None:
    tell(
        account,
        f"{done} the service account {text(account, 'name')!r} ({text(account, 'id')}), a {text(account, 'role')}.",
        as_json=as_json,
    )
