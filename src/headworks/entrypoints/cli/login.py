"""`headworks login`, `logout`, `whoami`, `password`: being somebody rather than the holder of a key."""

import sys
from getpass import getpass
from typing import Annotated

import typer

from headworks.bootstrap.environment import environment
from headworks.entrypoints.cli import tokens
from headworks.entrypoints.cli.client import Client
from headworks.entrypoints.cli.failures import BadUsage, Refused
from headworks.entrypoints.cli.output import note, say, say_json
from headworks.entrypoints.cli.records import Record, record, text, texts
from headworks.entrypoints.cli.server import Server, meant_origin
from headworks.entrypoints.cli.session import AsJson, connect, wish_of
from headworks.kernel.clock import now

_MOST_CHARACTERS = 65_536


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
    second where one is set up. With --sso there is none: the directory asks, in the browser.
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
    answers = _Answers()
    body: dict[str, object] = {"email": email or answers.plain("Email"), "password": answers.secret("Password")}
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
            client.call("POST", "/auth/logout")
    finally:
        # Whatever the server says: it was meant to end here.
        tokens.forget(wish, environment(), server.origin)
    say(f"Signed out of {server.origin}.")


def whoami(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show who later commands act as, and what they may do."""
    with connect(context) as client:
        me = record(client.get("/me"))
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
    answers = _Answers()
    body = {"current_password": answers.secret("Current password"), "new_password": answers.secret("New password")}
    if answers.are_typed and answers.secret("New password again") != body["new_password"]:
        raise BadUsage("the new password was typed in two ways; nothing has changed.")
    with connect(context) as client:
        client.call("POST", "/auth/password", body=body)
    say("The password is changed. Other sessions were ended.")


class _Answers:
    """What a person types, or the lines of standard input."""

    def __init__(self) -> None:
        self.are_typed = sys.stdin.isatty()
        self._lines = [] if self.are_typed else sys.stdin.read(_MOST_CHARACTERS).splitlines()

    @property
    def has_more(self) -> bool:
        """Whether there is anybody to ask, or a line left."""
        return self.are_typed or bool(self._lines)

    def plain(self, prompt: str) -> str:
        """Something that may be seen."""
        return str(typer.prompt(prompt, err=True)) if self.are_typed else self._line(prompt)

    def secret(self, prompt: str) -> str:
        """Something that may not."""
        value = getpass(f"{prompt}: ") if self.are_typed else self._line(prompt)
        if not value:
            raise BadUsage(f"{prompt.lower()}: there was nothing to read.")
        return value

    def _line(self, prompt: str) -> str:
        if not self._lines:
            raise BadUsage(f"{prompt.lower()}: standard input has no line for it.", "Type it, or pipe it in.")
        return self._lines.pop(0)


def _granted(client: Client, body: Record, answers: _Answers) -> Record:
    """Sign in; with a code where the server wants one and there is somebody to ask."""
    try:
        return client.post("/auth/login", body)
    except Refused as refused:
        if refused.code != "second_factor_required" or not answers.has_more:
            raise
    return client.post("/auth/login", {**body, "code": answers.secret("Code of your authenticator app")})


def _say_granted(granted: Record, origin: str, *, as_json: bool) -> None:
    user = record(granted.get("user"))
    if as_json:
        # Not the tokens: what is printed ends in logs and histories.
        shown = ("session_id", "user", "organization_id", "must_change_password", "session_expires_at")
        say_json({name: granted.get(name) for name in shown})
    else:
        say(f"Signed in to {origin} as {text(user, 'email')}.")
    if granted.get("must_change_password"):
        note("The password was made for you: choose your own with `headworks password`.")
