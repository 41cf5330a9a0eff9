"""`headworks secrets`: the keys that stored secrets are sealed with. The keys themselves never leave the server."""

import typer

from headworks.entrypoints.cli.output import counted, note, say, say_json, say_table
from headworks.entrypoints.cli.records import Record, number, records, text, texts
from headworks.entrypoints.cli.session import AsJson, connect

app = typer.Typer(help="The keys that stored secrets are sealed with.", no_args_is_help=True)


@app.command("status")
def show_keys(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show the keys of the keyring, and how many stored secrets each seals."""
    with connect(context) as client:
        keyring = client.api.show_keyring()
    if as_json:
        say_json(keyring)
        return
    keys = records(keyring.get("keys"))
    say_table(
        [("KEY", lambda key: text(key, "id")), ("STATE", _state), ("SECRETS", lambda key: text(key, "secrets"))],
        keys,
        right=frozenset({"SECRETS"}),
    )
    if any(number(key, "secrets") for key in keys if _state(key) == "old"):
        note("A rotation was cut short; `headworks secrets rotate` finishes it. Everything can be read meanwhile.")
    if any(_state(key) == "missing" for key in keys):
        note("A key is missing: bring the keyring file of that time back, or enter those credentials again.")


@app.command("rotate")
def rotate_keys(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Seal every stored secret with a new key, while the server runs.

    Back up the keyring file afterwards, together with the databases: a backup of one does not open with the other's.
    """
    with connect(context) as client:
        done = client.api.rotate_keyring()
    if as_json:
        say_json(done)
        return
    began = "Finished the rotation to the key" if done.get("resumed") is True else "Made the key"
    dropped = ", ".join(texts(done, "dropped")) or "none"
    resealed = counted(number(done, "resealed"), "secret")
    say(f"{began} {text(done, 'key_id')}; sealed {resealed} with it. Keys that were dropped: {dropped}.")
    if number(done, "remaining"):
        note(f"{counted(number(done, 'remaining'), 'secret')} could not be read; the server's log names them.")
    note("Back up the keyring now, together with the databases.")


def _state(key: Record) -> str:
    if key.get("is_missing") is True:
        return "missing"
    return "current" if key.get("is_current") is True else "old"
