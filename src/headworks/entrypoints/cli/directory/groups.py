"""`headworks directory groups`: what belonging to a group of the directory makes of somebody."""

from typing import Annotated, Literal

import typer

from headworks.entrypoints.cli.find import edit
from headworks.entrypoints.cli.output import say_list, tell
from headworks.entrypoints.cli.records import text
from headworks.entrypoints.cli.session import AsJson, connect

app = typer.Typer(help="Groups of the directory, and what each gives.", no_args_is_help=True)

_PATH = "/directory-groups"
_Given = Literal["admin", "maintainer", "viewer", "none"]


@app.command("list")
def list_groups(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the groups that the directory told of. For admins."""
    with connect(context) as client:
        found = client.everything(_PATH)
    say_list(
        [
            ("ID", lambda one: text(one, "id")),
            ("NAME", lambda one: text(one, "name")),
            ("ROLE", lambda one: text(one, "role")),
            ("CHANGED", lambda one: text(one, "changed_at")[:16].replace("T", " ")),
        ],
        found,
        as_json=as_json,
    )


@app.command("map")
def map_group(
    context: typer.Context,
    group: Annotated[str, typer.Argument(metavar="GROUP", help="Its id or name.")],
    role: Annotated[_Given, typer.Option(help="What its people are here at least; none gives nothing.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Say what a group's people are. They follow at once. For admins."""
    with connect(context) as client:
        changed = edit(client, _PATH, "group", group, {"role": None if role == "none" else role})
    given = f"is {role} at least" if role != "none" else "has nothing by it"
    tell(changed, f"Whoever is in {text(changed, 'name')!r} {given}.", as_json=as_json)
