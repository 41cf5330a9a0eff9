"""Listing keys."""

import typer

from headworks.entrypoints.cli.output import say_json, say_table
from headworks.entrypoints.cli.records import Record, record, text, texts
from headworks.entrypoints.cli.session import AsJson, connect


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
            ("USE", _use),
            ("STATE", lambda key: text(key, "state")),
            ("OWNER", lambda key: text(record(key.get("owner")), "name", "-")),
            ("MODELS", _models),
            ("CREATED", lambda key: minute(key, "created_at")),
            ("EXPIRES", lambda key: minute(key, "expires_at", "never")),
            ("LAST USED", lambda key: minute(key, "last_used_at", "never")),
        ],
        keys,
    )


def _looks(key: Record) -> str:
    return f"{text(key, 'prefix')}…{text(key, 'last4')}" if text(key, "prefix") else "imported"


def _use(key: Record) -> str:
    ways = {"signs": bool(key.get("signs")), "bearer": bool(key.get("bearer"))}
    return ", ".join(way for way, is_open in ways.items() if is_open)


def _models(key: Record) -> str:
    return "all" if key.get("allowed_models") is None else ", ".join(texts(key, "allowed_models"))


def minute(key: Record, field: str, missing: str = "-") -> str:
    """A time of the API, to the minute: `2026-01-31T09:30:00.000000Z` as `2026-01-31 09:30`."""
    return text(key, field, missing)[:16].replace("T", " ")
