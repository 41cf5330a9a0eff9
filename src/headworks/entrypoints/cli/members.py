"""`headworks members`: who belongs to the organisation, as what."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.find import edit, find, path_of
from headworks.entrypoints.cli.output import say_list, tell
from headworks.entrypoints.cli.records import text
from headworks.entrypoints.cli.session import AsJson, Role, connect

app = typer.Typer(help="Members: who belongs to your organisation, as what.", no_args_is_help=True)

_PATH = "/members"
_Which = Annotated[str, typer.Argument(metavar="MEMBER", help="Their email address, user id or membership id.")]
_FIELDS = ("email", "user_id")


@app.command("list")
def list_members(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List those who belong to the organisation. For admins."""
    with connect(context) as client:
        found = client.everything(_PATH)
    say_list(
        [
            ("ID", lambda one: text(one, "id")),
            ("EMAIL", lambda one: text(one, "email")),
            ("NAME", lambda one: text(one, "name")),
            ("ROLE", lambda one: text(one, "role")),
            ("STATE", lambda one: text(one, "state")),
            ("SINCE", lambda one: text(one, "created_at")[:10]),
        ],
        found,
        as_json=as_json,
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
        changed = edit(client, _PATH, "member", member, {"role": role}, _FIELDS)
    tell(changed, f"{text(changed, 'email')} is {text(changed, 'role')} now.", as_json=as_json)


@app.command("remove")
def remove(context: typer.Context, member: _Which, *, as_json: AsJson = False) -> None:
    """Take a member out of the organisation: their keys in it stop working within a second."""
    with connect(context) as client:
        found = find(client, _PATH, "member", member, _FIELDS)
        client.delete(path_of(_PATH, found))
    tell({"removed": text(found, "id")}, f"Removed {text(found, 'email')} from the organisation.", as_json=as_json)
