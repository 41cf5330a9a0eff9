"""`headworks service-accounts`: who programs are. Their keys are made by `headworks keys create --service-account`."""

from typing import TYPE_CHECKING, Annotated

import typer

from headworks.entrypoints.cli.completion import InProject, completing
from headworks.entrypoints.cli.nouns import PROJECTS, SERVICE_ACCOUNTS, find, seen
from headworks.entrypoints.cli.output import day, field, say_list, tell
from headworks.entrypoints.cli.records import Record, text
from headworks.entrypoints.cli.session import AsJson, Role, connect

if TYPE_CHECKING:
    from headworks.client.shapes import NewServiceAccountBody, ServiceAccountChangeBody, ServiceAccountOut

app = typer.Typer(help="Service accounts: who programs are.", no_args_is_help=True)

_Which = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Its id or name.", autocompletion=completing(SERVICE_ACCOUNTS))
]


@app.command("list")
def list_accounts(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the service accounts of your organisation."""
    with connect(context) as client:
        found = SERVICE_ACCOUNTS.all(client)
    say_list(
        [
            ("ID", field("id")),
            ("NAME", field("name")),
            ("PROJECT", field("project_id")),
            ("ROLE", field("role")),
            ("STATE", field("state")),
            ("CREATED", day("created_at")),
        ],
        found,
        as_json=as_json,
        empty="There is no service account yet. Make one: headworks service-accounts create NAME",
    )


@app.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    role: Annotated[Role, typer.Option(help="What its management keys may do at most.")] = "viewer",
    project: InProject = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a service account, and then its keys: headworks keys create NAME --service-account ACCOUNT."""
    wish: NewServiceAccountBody = {"name": name, "role": role}
    with connect(context) as client:
        if project is not None:
            wish["project_id"] = find(client, PROJECTS, project)["id"]
        made = client.api.create_service_account(wish)
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


@app.command("rename")
def rename(
    context: typer.Context,
    account: _Which,
    name: Annotated[str, typer.Argument(metavar="NEW-NAME", help="What it is to be called.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Call a service account something else."""
    _tell("Renamed", _change(context, account, {"name": name}), as_json=as_json)


@app.command("disable")
def disable(context: typer.Context, account: _Which, *, as_json: AsJson = False) -> None:
    """Keep a program out: its keys stop working within a second."""
    _tell("Disabled", _change(context, account, {"state": "disabled"}), as_json=as_json)


@app.command("enable")
def enable(context: typer.Context, account: _Which, *, as_json: AsJson = False) -> None:
    """Let a program in again."""
    _tell("Enabled", _change(context, account, {"state": "active"}), as_json=as_json)


def _change(context: typer.Context, wanted: str, change: "ServiceAccountChangeBody") -> "ServiceAccountOut":
    with connect(context) as client:
        found = find(client, SERVICE_ACCOUNTS, wanted)
        return client.api.change_service_account(found["id"], change, if_match=seen(found))


def _tell(done: str, account: Record, *, as_json: bool) -> None:
    tell(
        account,
        f"{done} the service account {text(account, 'name')!r} ({text(account, 'id')}), a {text(account, 'role')}.",
        as_json=as_json,
    )
