"""`headworks sessions`: where one is signed in."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.nouns import SESSIONS
from headworks.entrypoints.cli.output import field, minute, say_list, tell
from headworks.entrypoints.cli.session import AsJson, connect

app = typer.Typer(help="Sessions: where you are signed in.", no_args_is_help=True)


@app.command("list")
def list_sessions(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List where you are signed in, the newest first."""
    with connect(context) as client:
        found = SESSIONS.all(client)
    say_list(
        [
            ("ID", lambda one: str(one["id"]) + (" (this one)" if one.get("is_current") is True else "")),
            ("SINCE", lambda one: minute(one, "created_at")),
            ("LAST SEEN", lambda one: minute(one, "last_seen_at")),
            ("EXPIRES", lambda one: minute(one, "expires_at")),
            ("FROM", field("source", "-")),
            ("PROGRAM", field("user_agent", "-")),
        ],
        found,
        as_json=as_json,
        empty="You are signed in nowhere. Sign in: headworks login",
    )


@app.command("revoke")
def revoke(
    context: typer.Context,
    session: Annotated[
        str | None, typer.Argument(metavar="[SESSION]", help="Its id.", autocompletion=completing(SESSIONS))
    ] = None,
    *,
    others: Annotated[bool, typer.Option("--others", help="All but this one.")] = False,
    as_json: AsJson = False,
) -> None:
    """End a session: its tokens are worth nothing from here on."""
    if others == (session is not None):
        raise BadUsage("give the id of a session, or --others.")
    with connect(context) as client:
        if session is None:
            client.api.revoke_other_sessions()
        else:
            client.api.revoke_one_session(session)
    what = "others" if session is None else session
    tell({"revoked": what}, f"Ended {what if session else 'your other sessions'}.", as_json=as_json)
