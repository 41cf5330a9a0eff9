"""`headworks invites`: links that let people join the organisation. A link is shown once, alone on standard output."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.find import find, path_of
from headworks.entrypoints.cli.output import note, say, say_json, say_list, tell
from headworks.entrypoints.cli.records import text
from headworks.entrypoints.cli.secret_input import read_secret
from headworks.entrypoints.cli.session import AsJson, Role, connect

app = typer.Typer(help="Invitations: links that let people join your organisation.", no_args_is_help=True)

_PATH = "/invitations"


@app.command("create")
def create(
    context: typer.Context,
    email: Annotated[str, typer.Argument(help="Whose link it is: nobody else can join with it.")],
    role: Annotated[Role, typer.Option(help="What they are to be.")] = "viewer",
    *,
    as_json: AsJson = False,
) -> None:
    """Make a link and print it, this once. It works for seven days. For admins."""
    with connect(context) as client:
        made = client.post(_PATH, {"email": email, "role": role})
        link = f"{client.origin}{text(made, 'link')}"
    if as_json:
        say_json({**made, "link": link})
        return
    say(link)
    note(
        f"Invited {text(made, 'email')} as {text(made, 'role')} until {text(made, 'expires_at')[:16].replace('T', ' ')}. "
        "Send them the link: it cannot be shown again."
    )


@app.command("list")
def list_invitations(
    context: typer.Context,
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that were accepted, revoked or expired too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the invitations that wait. For admins."""
    with connect(context) as client:
        found = client.everything(_PATH, None if every else {"state": "pending"})
    say_list(
        [
            ("ID", lambda one: text(one, "id")),
            ("EMAIL", lambda one: text(one, "email")),
            ("ROLE", lambda one: text(one, "role")),
            ("STATE", lambda one: text(one, "state")),
            ("EXPIRES", lambda one: text(one, "expires_at")[:16].replace("T", " ")),
        ],
        found,
        as_json=as_json,
    )


@app.command("revoke")
def revoke(
    context: typer.Context,
    invitation: Annotated[str, typer.Argument(metavar="INVITATION", help="Its id, or the address if it has one only.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Make a link useless. For admins."""
    with connect(context) as client:
        found = find(client, _PATH, "invitation", invitation, ("email",))
        client.delete(path_of(_PATH, found))
    tell({"revoked": text(found, "id")}, f"Revoked the invitation of {text(found, 'email')}.", as_json=as_json)


@app.command("accept")
def accept(
    context: typer.Context,
    name: Annotated[str | None, typer.Option(help="How a new account is to be called.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Join by a link, which is read from standard input: as yourself if your key is that of a user."""
    token = read_secret("accept", "Link").rpartition("/")[2]
    with connect(context) as client:
        joined = client.post(f"{_PATH}/accept", {"token": token, "name": name})
    tell(
        joined,
        f"{text(joined, 'email')} joined {text(joined, 'organization_id')} as {text(joined, 'role')}.",
        as_json=as_json,
    )
