"""`headworks projects`: the parts of an organisation."""

from typing import TYPE_CHECKING, Annotated

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.nouns import PROJECTS, find, seen
from headworks.entrypoints.cli.output import day, field, say_list, tell
from headworks.entrypoints.cli.records import Record, text
from headworks.entrypoints.cli.session import AsJson, connect

if TYPE_CHECKING:
    from headworks.client.shapes import ProjectChangeBody, ProjectOut

app = typer.Typer(help="Projects: the parts of an organisation that keys and costs belong to.", no_args_is_help=True)

_Which = Annotated[str, typer.Argument(metavar="PROJECT", help="Its id or name.", autocompletion=completing(PROJECTS))]


@app.command("list")
def list_projects(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the projects of your organisation."""
    with connect(context) as client:
        found = PROJECTS.all(client)
    say_list(
        [("ID", field("id")), ("NAME", field("name")), ("STATE", field("state")), ("CREATED", day("created_at"))],
        found,
        as_json=as_json,
        empty="There is no project yet. Make one: headworks projects create NAME",
    )


@app.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Make a project in your organisation."""
    with connect(context) as client:
        made = client.api.create_project({"name": name})
    _tell("Made", made, as_json=as_json)


@app.command("rename")
def rename(
    context: typer.Context,
    project: _Which,
    name: Annotated[str, typer.Argument(metavar="NEW-NAME", help="What it is to be called.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Call a project something else."""
    _tell("Renamed", _change(context, project, {"name": name}), as_json=as_json)


@app.command("archive")
def archive(context: typer.Context, project: _Which, *, as_json: AsJson = False) -> None:
    """Put a project away: its keys stop working within a second, and none is made in it."""
    _tell("Archived", _change(context, project, {"state": "archived"}), as_json=as_json)


@app.command("restore")
def restore(context: typer.Context, project: _Which, *, as_json: AsJson = False) -> None:
    """Take an archived project back, and its keys with it."""
    _tell("Restored", _change(context, project, {"state": "active"}), as_json=as_json)


def _change(context: typer.Context, wanted: str, change: "ProjectChangeBody") -> "ProjectOut":
    with connect(context) as client:
        found = find(client, PROJECTS, wanted)
        return client.api.change_project(found["id"], change, if_match=seen(found))


def _tell(done: str, project: Record, *, as_json: bool) -> None:
    tell(project, f"{done} the project {text(project, 'name')!r} ({text(project, 'id')}).", as_json=as_json)
