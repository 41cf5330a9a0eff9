"""A key's later life: a new secret, and its end."""

from typing import Annotated
from urllib.parse import quote

import typer

from headworks.entrypoints.cli.client import Client
from headworks.entrypoints.cli.failures import Refused
from headworks.entrypoints.cli.keys.listing import minute
from headworks.entrypoints.cli.keys.periods import seconds_of
from headworks.entrypoints.cli.output import note, say, say_json
from headworks.entrypoints.cli.records import text
from headworks.entrypoints.cli.session import AsJson, connect


def rotate_key(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, or its name if no other key has that.")],
    overlap: Annotated[
        str, typer.Option(metavar="PERIOD", help="How long the former secret goes on working: 30m, 12h, 7d; 0 for not.")
    ] = "24h",
    *,
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret and print it, this once. The former one goes on working for a while."""
    seconds = 0 if overlap == "0" else seconds_of(overlap, "--overlap")
    with connect(context) as client:
        key_id = find_key(client, key)
        rotated = client.post(f"/keys/{quote(key_id, safe='')}/rotate", {"overlap_seconds": seconds})
    if as_json:
        say_json(rotated)
        return
    say(text(rotated, "key"))
    until = minute(rotated, "previous_until", "")
    former = f"The former secret works until {until} UTC." if until else "The former secret works no more."
    note(
        f"The key {text(rotated, 'name')!r} ({key_id}) has a new secret. {former} Keep it now: it cannot be shown again."
    )


def revoke_key(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, or its name if no other key has that.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Make a key useless for good, everywhere within a second."""
    with connect(context) as client:
        key_id = find_key(client, key)
        client.delete(f"/keys/{quote(key_id, safe='')}")
    if as_json:
        say_json({"revoked": key_id})
        return
    say(f"Revoked the key {key_id}.")


def find_key(client: Client, wanted: str) -> str:
    """The id of the key with this id or name. Raises Refused when there is none, or more than one that still works."""
    if wanted.startswith("hw_"):
        raise Refused("that is a key itself, and it is in your shell's history now.", "Revoke it by its id or name.")
    keys = client.everything("/keys")
    if any(text(key, "id") == wanted for key in keys):
        return wanted
    named = [key for key in keys if text(key, "name") == wanted]
    # Names may repeat over time: a revoked one does not stand in the way of its successor.
    alive = [key for key in named if text(key, "state") != "revoked"] or named
    if len(alive) == 1:
        return text(alive[0], "id")
    if not alive:
        raise Refused(f"there is no key with the id or name {wanted!r}.", "`headworks keys list` shows them.")
    ids = ", ".join(text(key, "id") for key in alive)
    raise Refused(f"{len(alive)} keys are called {wanted!r}.", f"Name one by its id: {ids}.")
