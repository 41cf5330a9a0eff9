"""`headworks members`: who belongs to the organisation, as what."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.nouns import MEMBERS, find, seen
from headworks.entrypoints.cli.output import day, field, say_list, tell
from headworks.entrypoints.cli.records import text
from headworks.entrypoints.cli.session import AsJson, Role, connect

app = typer.Typer(help="Members: who belongs to your organisation, as what.", no_args_is_help=True)

_Which = Annotated[
    str,
    typer.Argument(
        metavar="MEMBER", help="Their email address, user id or membership id.", autocompletion=completing(MEMBERS)
    ),
]


@app.command("list")
def list_members(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List those who belong to the organisation. For admins."""
    with connect(context) as client:
        found = MEMBERS.all(client)
    say_list(
        [
            ("ID", field("id")),
            ("EMAIL", field("email")),
            ("NAME", field("name")),
            ("ROLE", field("role")),
            ("STATE", field("state")),
            ("SINCE", day("created_at")),
        ],
        found,
        as_json=as_json,
        empty="Nobody belongs to the organisation yet. Invite somebody: headworks invites create ADDRESS --role admin",
    )


@app.command("set-role")
def set_role(
    context: typer.Context,
    member: _Which,
    role: Annotated[Role, typer.Argument(help="What they are to be.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Make a member an admin, a maintainer or a viewer. The last admin stays one."""
    with connect(context) as client:
        found = find(client, MEMBERS, member)
        changed = client.api.change_member(found["id"], {"role": role}, if_match=seen(found))
    tell(changed, f"{text(changed, 'email')} is {text(changed, 'role')} now.", as_json=as_json)


@app.command("remove")
def remove(context: typer.Context, member: _Which, *, as_json: AsJson = False) -> None:
    """Take a member out of the organisation: their keys in it stop working within a second."""
    with connect(context) as client:
        found = find(client, MEMBERS, member)
        client.api.remove_member(found["id"], if_match=seen(found))
    tell({"removed": found["id"]}, f"Removed {text(found, 'email')} from the organisation.", as_json=as_json)
