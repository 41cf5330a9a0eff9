"""`headworks directory token`: what a directory proves itself by. A token is shown once, alone on standard output."""

from typing import TYPE_CHECKING, Annotated

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.keys.periods import expiry
from headworks.entrypoints.cli.nouns import DIRECTORY_TOKENS, find, seen
from headworks.entrypoints.cli.output import day, field, minute, note, say, say_json, say_list, tell
from headworks.entrypoints.cli.records import text
from headworks.entrypoints.cli.session import AsJson, connect
from headworks.kernel.clock import now

if TYPE_CHECKING:
    from headworks.client.shapes import NewDirectoryTokenBody

app = typer.Typer(help="Tokens that directories prove themselves by.", no_args_is_help=True)


@app.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Which directory it is for.")],
    expires_in: Annotated[
        str | None,
        typer.Option(metavar="PERIOD", help="When it stops working: 90d, 52w. Never when left out."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, this once: TOKEN=$(headworks directory token create "Entra ID"). For admins."""
    wish: NewDirectoryTokenBody = {"name": name}
    if expires_in is not None:
        wish["expires_at"] = expiry(expires_in, now()).isoformat()
    with connect(context) as client:
        made = client.api.create_directory_token(wish)
        address = f"{client.origin}/scim/v2"
    if as_json:
        say_json({**made, "scim_url": address})
        return
    say(text(made, "token"))
    note(
        f"Made the directory token {text(made, 'name')!r} ({text(made, 'id')}). "
        f"Give it to your directory with the address {address}. It cannot be shown again."
    )


@app.command("list")
def list_tokens(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the tokens of your organisation. For admins."""
    with connect(context) as client:
        found = DIRECTORY_TOKENS.all(client)
    say_list(
        [
            ("ID", field("id")),
            ("NAME", field("name")),
            ("TOKEN", lambda one: f"hw_dt_…{text(one, 'last4')}"),
            ("STATE", field("state")),
            ("CREATED", day("created_at")),
            ("EXPIRES", day("expires_at")),
            ("LAST USED", lambda one: minute(one, "last_used_at")),
        ],
        found,
        as_json=as_json,
        empty="No directory is connected. Connect one: headworks directory token create NAME",
    )


@app.command("revoke")
def revoke(
    context: typer.Context,
    token: Annotated[
        str,
        typer.Argument(
            metavar="TOKEN",
            help="Its id or name, and not the token itself.",
            autocompletion=completing(DIRECTORY_TOKENS),
        ),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Hear this directory no more. Those whom it let in stay. For admins."""
    with connect(context) as client:
        found = find(client, DIRECTORY_TOKENS, token)
        client.api.revoke_directory_token(found["id"], if_match=seen(found))
    tell({"revoked": text(found, "id")}, f"Revoked the directory token {text(found, 'name')!r}.", as_json=as_json)
