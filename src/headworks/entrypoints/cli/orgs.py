"""`headworks orgs`: the tenants of the installation."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.find import edit
from headworks.entrypoints.cli.output import say_list, tell
from headworks.entrypoints.cli.records import Record, text
from headworks.entrypoints.cli.session import AsJson, connect

app = typer.Typer(help="Organisations: the tenants of the installation.", no_args_is_help=True)

_PATH = "/organizations"
_Which = Annotated[str, typer.Argument(metavar="ORGANISATION", help="Its id or name.")]


@app.command("list")
def list_organizations(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the organisations: yours, or all of them for an operator."""
    with connect(context) as client:
        found = client.everything(_PATH)
    say_list(
        [
            ("ID", lambda one: text(one, "id")),
            ("NAME", lambda one: text(one, "name")),
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
    *,
    as_json: AsJson = False,
) -> None:
    """Make an organisation, with a project to begin in. For operators."""
    with connect(context) as client:
        made = client.post(_PATH, {"name": name})
    _tell("Made", made, as_json=as_json)


@app.command("rename")
def rename(
    context: typer.Context,
    organization: _Which,
    name: Annotated[str, typer.Argument(metavar="NEW-NAME", help="What it is to be called.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Call an organisation something else. For operators."""
    _tell("Renamed", _change(context, organization, {"name": name}), as_json=as_json)


@app.command("disable")
def disable(context: typer.Context, organization: _Which, *, as_json: AsJson = False) -> None:
    """Take an organisation out of service: its keys stop working within a second. For operators."""
    _tell("Disabled", _change(context, organization, {"state": "disabled"}), as_json=as_json)


@app.command("enable")
def enable(context: typer.Context, organization: _Which, *, as_json: AsJson = False) -> None:
    """Put an organisation back into service. For operators."""
    _tell("Enabled", _change(context, organization, {"state": "active"}), as_json=as_json)


def _change(context: typer.Context, wanted: str, change: Record) -> Record:
    with connect(context) as client:
        return edit(client, _PATH, "organisation", wanted, change)


def _tell(done: str, organization: Record, *, as_json: bool) -> None:
    tell(
        organization,
        f"{done} the organisation {text(organization, 'name')!r} ({text(organization, 'id')}).",
        as_json=as_json,
    )
