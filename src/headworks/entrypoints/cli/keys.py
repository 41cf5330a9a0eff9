"""`headworks keys`: what callers authenticate with. A key is shown once, alone on standard output."""

import re
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import quote

import typer

from headworks.entrypoints.cli.client import Client
from headworks.entrypoints.cli.failures import BadUsage, Refused
from headworks.entrypoints.cli.output import note, say, say_json, say_table
from headworks.entrypoints.cli.records import Record, text, texts
from headworks.entrypoints.cli.session import AsJson, connect
from headworks.kernel.clock import now

app = typer.Typer(help="Keys that callers authenticate with.", no_args_is_help=True)

_PERIOD = re.compile(r"(?P<count>[1-9][0-9]{0,5})(?P<unit>[mhdw])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@app.command("create")
def create_key(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="What it is for; usage shows it.")] = "Unnamed key",
    expires_in: Annotated[
        str | None,
        typer.Option(metavar="PERIOD", help="When it stops working: 30m, 12h, 90d, 52w. Never when left out."),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Allow this model only; repeat it for more.")
    ] = None,
    *,
    management: Annotated[
        bool, typer.Option("--management", help="A key for the management API, with all rights of yours.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, this once: KEY=$(headworks keys create ci)."""
    wish: dict[str, object] = {"name": name, "kind": "management" if management else "inference"}
    if expires_in is not None:
        wish["expires_at"] = expiry(expires_in, now()).isoformat()
    if model:
        wish["allowed_models"] = model
    with connect(context) as client:
        key = client.post("/keys", wish)
    if as_json:
        say_json(key)
        return
    say(text(key, "key"))
    until = f" It works until {text(key, 'expires_at')}." if text(key, "expires_at") else ""
    note(f"Made the key {text(key, 'name')!r} ({text(key, 'id')}).{until} Keep it now: it cannot be shown again.")


@app.command("list")
def list_keys(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the keys, the newest first. The keys themselves are not stored."""
    with connect(context) as client:
        keys = client.everything("/keys")
    if as_json:
        say_json(keys)
        return
    say_table(
        [
            ("ID", lambda key: text(key, "id")),
            ("NAME", lambda key: text(key, "name")),
            ("KEY", _looks),
            ("KIND", lambda key: text(key, "kind")),
            ("STATE", lambda key: text(key, "state")),
            ("MODELS", _models),
            ("CREATED", lambda key: _minute(key, "created_at")),
            ("EXPIRES", lambda key: _minute(key, "expires_at", "never")),
            ("LAST USED", lambda key: _minute(key, "last_used_at", "never")),
        ],
        keys,
    )


@app.command("revoke")
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


def expiry(period: str, at: datetime) -> datetime:
    """The moment that lies `period` after `at`. Raises BadUsage."""
    match = _PERIOD.fullmatch(period)
    if match is None:
        raise BadUsage(f"--expires-in: {period!r} is no period.", "Write a number and m, h, d or w, such as 90d.")
    try:
        return at + int(match["count"]) * _UNITS[match["unit"]]
    except OverflowError:
        raise BadUsage(
            f"--expires-in: {period} is beyond the calendar.", "Leave it out for a key without an end."
        ) from None


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


def _looks(key: Record) -> str:
    return f"{text(key, 'prefix')}…{text(key, 'last4')}" if text(key, "prefix") else "imported"


def _models(key: Record) -> str:
    return "all" if key.get("allowed_models") is None else ", ".join(texts(key, "allowed_models"))


def _minute(key: Record, field: str, missing: str = "-") -> str:
    """A time of the API, to the minute: `2026-01-31T09:30:00.000000Z` as `2026-01-31 09:30`."""
    return text(key, field, missing)[:16].replace("T", " ")
