"""`headworks second-factor`: an authenticator app besides one's password, and the codes for when it is lost."""

from typing import TYPE_CHECKING

import typer

from headworks.entrypoints.cli.output import minute, note, say, say_json, tell
from headworks.entrypoints.cli.records import text
from headworks.entrypoints.cli.secret_input import Answers
from headworks.entrypoints.cli.session import AsJson, connect

if TYPE_CHECKING:
    from headworks.client.shapes import RecoveryCodesOut

app = typer.Typer(help="An authenticator app besides your password.", no_args_is_help=True)


@app.command("show")
def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show whether you have one."""
    with connect(context) as client:
        found = client.api.show_second_factor()
    since = minute(found, "confirmed_at")
    told = f"In force since {since} UTC; {found['recovery_codes_left']} recovery codes are left."
    tell(
        found,
        told if found["confirmed_at"] else "There is none. Set one up: headworks second-factor set-up",
        as_json=as_json,
    )


@app.command("set-up")
def set_up(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Print the secret for an authenticator app. It is in force once `headworks second-factor confirm` saw a code.

    Your password is asked for, or read from standard input.
    """
    answers = Answers()
    with connect(context) as client:
        made = client.api.set_up_second_factor({"password": answers.secret("Password")})
    if as_json:
        say_json(made)
        return
    say(text(made, "secret"))
    note(
        f"Type it into the app, or make a QR code of it: {text(made, 'uri')}",
        "Then confirm with the code that the app shows: headworks second-factor confirm",
    )


@app.command("confirm")
def confirm(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Put it in force and print ten recovery codes, this once. The app's code is asked for, or read from standard input."""
    answers = Answers()
    with connect(context) as client:
        codes = client.api.confirm_second_factor({"code": answers.secret("Code of the app")})
    _say_codes(codes, as_json=as_json)


@app.command("recovery-codes")
def recovery_codes(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Print ten new recovery codes, this once; the former ones stop working. Your password is asked for."""
    answers = Answers()
    with connect(context) as client:
        codes = client.api.renew_recovery_codes({"password": answers.secret("Password")})
    _say_codes(codes, as_json=as_json)


@app.command("remove")
def remove(context: typer.Context) -> None:
    """Sign in by password alone again. Your password is asked for, or read from standard input."""
    answers = Answers()
    with connect(context) as client:
        client.api.remove_second_factor({"password": answers.secret("Password")})
    say("The second factor is removed.")


def _say_codes(codes: "RecoveryCodesOut", *, as_json: bool) -> None:
    if as_json:
        say_json(codes)
        return
    say(*codes["recovery_codes"])
    note("Keep them where the app is not; each works once, in place of a code.")
