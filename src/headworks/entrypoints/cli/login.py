"""`headworks login`, `logout`, `switch`, `whoami`, `password`: being somebody rather than the holder of a key."""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from headworks.bootstrap.environment import environment
from headworks.entrypoints.cli import tokens
from headworks.entrypoints.cli.client import Client
from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.failures import BadUsage, Refused
from headworks.entrypoints.cli.nouns import ORGANIZATIONS, find
from headworks.entrypoints.cli.output import note, say, say_json, tell
from headworks.entrypoints.cli.records import Record, record, text, texts
from headworks.entrypoints.cli.secret_input import Answers
from headworks.entrypoints.cli.server import Server, meant_origin
from headworks.entrypoints.cli.session import AsJson, connect
from headworks.entrypoints.cli.wish import wish_of
from headworks.kernel.clock import now

if TYPE_CHECKING:
    from headworks.client.shapes import GrantedOut, LoginBody, PasswordBody

_CODE = re.compile(r"[0-9 ]{6,8}", re.ASCII)


def login(
    context: typer.Context,
    email: Annotated[str | None, typer.Argument(metavar="[EMAIL]", help="Asked for when left out.")] = None,
    organization: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Organisation to act in; the oldest of yours when left out."),
    ] = None,
    sso: Annotated[
        str | None,
        typer.Option(
            metavar="ORG", help="Sign in by the directory of this organisation (its name or id), in a browser."
        ),
    ] = None,
    connection: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which of its directories, where it has several.")
    ] = None,
    *,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, and open nothing.")] = False,
    paste: Annotated[
        bool, typer.Option("--paste", help="For a browser elsewhere: ask for the address that it ends at.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Sign in; later commands act as you.

    The password is asked for, or read from standard input: its first line, and the code of an authenticator app as the
    second where one is set up, or one of your recovery codes. With --sso there is none: the directory asks, in the browser.
    """
    wish = wish_of(context)
    if sso is not None:
        if email is not None or organization is not None:
            raise BadUsage("--sso goes without an email address and --organization: the directory says who you are.")
        from headworks.entrypoints.cli.browser_login import (  # noqa: PLC0415 - a web server, which nothing else needs
            sign_in,
        )

        origin = meant_origin(wish)
        with Client(Server(origin, "")) as client:
            granted = sign_in(client, sso, connection, opens=not (no_browser or paste), pastes=paste)
        tokens.keep(wish, environment(), origin, granted)
        _say_granted(granted, origin, as_json=as_json)
        return
    if connection is not None or no_browser or paste:
        raise BadUsage("--connection, --no-browser and --paste go with --sso.")
    answers = Answers()
    body: LoginBody = {"email": email or answers.plain("Email"), "password": answers.secret("Password")}
    if organization is not None:
        body["organization_id"] = organization
    origin = meant_origin(wish)
    with Client(Server(origin, "")) as client:
        granted = _granted(client, body, answers)
    tokens.keep(wish, environment(), origin, granted)
    _say_granted(granted, origin, as_json=as_json)


def logout(context: typer.Context) -> None:
    """End the session, here and on the server."""
    wish = wish_of(context)
    server = tokens.signed_in(wish, environment(), now())
    if server is None:
        raise Refused("nobody is signed in there.")
    try:
        with Client(server) as client:
            client.api.logout()
    finally:
        # Whatever the server says: it was meant to end here.
        tokens.forget(wish, environment(), server.origin)
    say(f"Signed out of {server.origin}.")


def switch(
    context: typer.Context,
    organization: Annotated[
        str, typer.Argument(metavar="ORGANISATION", help="Its id or name.", autocompletion=completing(ORGANIZATIONS))
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Act in another of your organisations from now on."""
    wish = wish_of(context)
    with connect(context) as client:
        found = find(client, ORGANIZATIONS, organization)
        granted = client.api.switch({"organization_id": found["id"]})
        tokens.keep(wish, environment(), client.origin, granted)
    tell(_shown(granted), f"You act in {text(found, 'name')!r} ({found['id']}) now.", as_json=as_json)


def whoami(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show who later commands act as, and what they may do."""
    with connect(context) as client:
        me = client.api.me()
    if as_json:
        say_json(me)
        return
    user = record(me.get("user"))
    say(f"{text(user, 'email')} ({text(me, 'id')})" if user else f"The {text(me, 'kind')} {text(me, 'id')}")
    say(f"in {text(me, 'organization_id', 'no organisation')}, with {', '.join(texts(me, 'permissions'))}")
    if me.get("must_change_password"):
        note("The password was made for you: choose your own with `headworks password`.")


def password(context: typer.Context) -> None:
    """Change your password. Your other sessions end.

    Both are asked for, or read from standard input: the current one, then the new one, a line each.
    """
    answers = Answers()
    body: PasswordBody = {
        "current_password": answers.secret("Current password"),
        "new_password": answers.new_secret("New password"),
    }
    with connect(context) as client:
        client.api.change_password(body)
    say("The password is changed. Other sessions were ended.")


def _granted(client: Client, body: "LoginBody", answers: Answers) -> "GrantedOut":
    """Sign in; with a code where the server wants one and there is somebody to ask."""
    try:
        return client.api.login(body)
    except Refused as refused:
        if refused.code != "second_factor_required" or not answers.has_more:
            raise
    code = answers.secret("Code of your authenticator app, or a recovery code")
    body["code" if _CODE.fullmatch(code) else "recovery_code"] = code
    return client.api.login(body)


def _say_granted(granted: Record, origin: str, *, as_json: bool) -> None:
    user = record(granted.get("user"))
    tell(_shown(granted), f"Signed in to {origin} as {text(user, 'email')}.", as_json=as_json)
    if granted.get("must_change_password"):
        note("The password was made for you: choose your own with `headworks password`.")


def _shown(granted: Record) -> Record:
    """Without the tokens: what is printed ends in logs and histories."""
    shown = ("session_id", "user", "organization_id", "must_change_password", "session_expires_at")
    return {name: granted.get(name) for name in shown}
