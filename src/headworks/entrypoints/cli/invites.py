"""`headworks invites`: links that let people join the organisation. A link is shown once, alone on standard output."""

from typing import TYPE_CHECKING, Annotated

import typer

from headworks.bootstrap.environment import environment
from headworks.entrypoints.cli.client import Client
from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.nouns import INVITATIONS, find, seen
from headworks.entrypoints.cli.output import field, minute, note, say, say_json, say_list, tell
from headworks.entrypoints.cli.records import text
from headworks.entrypoints.cli.secret_input import Answers
from headworks.entrypoints.cli.server import Server, meant_origin
from headworks.entrypoints.cli.session import AsJson, Role, connect
from headworks.entrypoints.cli.tokens import signed_in
from headworks.entrypoints.cli.wish import wish_of
from headworks.kernel.clock import now

if TYPE_CHECKING:
    from headworks.client.shapes import AcceptanceBody

app = typer.Typer(help="Invitations: links that let people join your organisation.", no_args_is_help=True)


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
        made = client.api.create_invitation({"email": email, "role": role})
        link = f"{client.origin}{made['link']}"
    if as_json:
        say_json({**made, "link": link})
        return
    say(link)
    note(
        f"Invited {text(made, 'email')} as {text(made, 'role')} until {minute(made, 'expires_at')}. "
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
        found = INVITATIONS.all(client, state=None if every else "pending")
    say_list(
        [
            ("ID", field("id")),
            ("EMAIL", field("email")),
            ("ROLE", field("role")),
            ("STATE", field("state")),
            ("EXPIRES", lambda one: minute(one, "expires_at")),
        ],
        found,
        as_json=as_json,
        empty="No invitation waits. Make one: headworks invites create ADDRESS --role maintainer",
    )


@app.command("revoke")
def revoke(
    context: typer.Context,
    invitation: Annotated[
        str,
        typer.Argument(
            metavar="INVITATION",
            help="Its id, or the address if it has one only.",
            autocompletion=completing(INVITATIONS),
        ),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Make a link useless. For admins."""
    with connect(context) as client:
        found = find(client, INVITATIONS, invitation)
        client.api.revoke_invitation(found["id"], if_match=seen(found))
    tell({"revoked": found["id"]}, f"Revoked the invitation of {text(found, 'email')}.", as_json=as_json)


@app.command("accept")
def accept(
    context: typer.Context,
    name: Annotated[str | None, typer.Option(help="How a new account is to be called.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Join by a link: as yourself where you are signed in, else with a new account.

    The link is asked for, or read from standard input: its first line, and the new account's password as the second. Without a
    password the account can only sign in another way.
    """
    wish = wish_of(context)
    server = signed_in(wish, environment(), now())
    is_new = server is None and wish.key_variable is None
    answers = Answers()
    body: AcceptanceBody = {"token": answers.secret("Link").strip().rpartition("/")[2], "name": name}
    if is_new and answers.has_more:
        body["password"] = answers.new_secret("Password for your new account")
    # A key of the data folder is somebody else's: it would refuse whom the link invites.
    with Client(Server(meant_origin(wish), "")) if is_new else connect(context) as client:
        joined = client.api.accept_invitation(body)
    tell(
        joined,
        f"{text(joined, 'email')} joined {text(joined, 'organization_id')} as {text(joined, 'role')}.",
        as_json=as_json,
    )
    if joined["account_made"]:
        note(f"Sign in: headworks login {text(joined, 'email')}")
