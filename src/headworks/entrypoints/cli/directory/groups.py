"""`headworks directory groups`: what belonging to a group of the directory makes of somebody."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.nouns import DIRECTORY_GROUPS, find, seen
from headworks.entrypoints.cli.output import field, minute, say_list, tell
from headworks.entrypoints.cli.records import text
from headworks.entrypoints.cli.session import AsJson, connect

if TYPE_CHECKING:
    from headworks.client.shapes import GroupMappingBody

app = typer.Typer(help="Groups of the directory, and what each gives.", no_args_is_help=True)

_Given = Literal["admin", "maintainer", "viewer", "none"]


@app.command("list")
def list_groups(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the groups that the directory told of. For admins."""
    with connect(context) as client:
        found = DIRECTORY_GROUPS.all(client)
    say_list(
        [
            ("ID", field("id")),
            ("NAME", field("name")),
            ("ROLE", field("role", "-")),
            ("CHANGED", lambda one: minute(one, "changed_at")),
        ],
        found,
        as_json=as_json,
        empty="The directory has told of no group yet. Connect it: headworks directory token create NAME",
    )


@app.command("map")
def map_group(
    context: typer.Context,
    group: Annotated[
        str, typer.Argument(metavar="GROUP", help="Its id or name.", autocompletion=completing(DIRECTORY_GROUPS))
    ],
    role: Annotated[_Given, typer.Option(help="What its people are here at least; none gives nothing.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Say what a group's people are. They follow at once. For admins."""
    with connect(context) as client:
        found = find(client, DIRECTORY_GROUPS, group)
        wish: GroupMappingBody = {"role": None if role == "none" else role}
        changed = client.api.map_directory_group(found["id"], wish, if_match=seen(found))
    given = f"is {role} at least" if role != "none" else "has nothing by it"
    tell(changed, f"Whoever is in {text(changed, 'name')!r} {given}.", as_json=as_json)
