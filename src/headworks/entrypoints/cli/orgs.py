"""`headworks orgs`: the tenants of the installation."""

from typing import TYPE_CHECKING, Annotated

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.nouns import ORGANIZATIONS, find, seen
from headworks.entrypoints.cli.output import day, field, say_list, tell
from headworks.entrypoints.cli.records import Record, text
from headworks.entrypoints.cli.session import AsJson, connect

if TYPE_CHECKING:
    from headworks.client.shapes import OrganizationChangeBody, OrganizationOut

app = typer.Typer(help="Organisations: the tenants of the installation.", no_args_is_help=True)

_Which = Annotated[
    str, typer.Argument(metavar="ORGANISATION", help="Its id or name.", autocompletion=completing(ORGANIZATIONS))
]


@app.command("list")
def list_organizations(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the organisations: yours, or all of them for an operator."""
    with connect(context) as client:
        found = ORGANIZATIONS.all(client)
    say_list(
        [("ID", field("id")), ("NAME", field("name")), ("STATE", field("state")), ("CREATED", day("created_at"))],
        found,
        as_json=as_json,
        empty="You belong to no organisation. An admin of one invites you: headworks invites create YOUR-ADDRESS",
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
        made = client.api.create_organization({"name": name})
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


def _change(context: typer.Context, wanted: str, change: "OrganizationChangeBody") -> "OrganizationOut":
    with connect(context) as client:
        found = find(client, ORGANIZATIONS, wanted)
        return client.api.change_organization(found["id"], change, if_match=seen(found))


def _tell(done: str, organization: Record, *, as_json: bool) -> None:
    tell(
        organization,
        f"{done} the organisation {text(organization, 'name')!r} ({text(organization, 'id')}).",
        as_json=as_json,
    )
