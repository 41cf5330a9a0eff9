"""Listing keys, and looking at one."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.nouns import KEYS, find
from headworks.entrypoints.cli.output import field, minute, say, say_json, say_list
from headworks.entrypoints.cli.records import Record, record, text, texts
from headworks.entrypoints.cli.session import AsJson, connect

Which = Annotated[
    str,
    typer.Argument(
        metavar="KEY",
        help="Its id, or its name if no other key has that.",
        autocompletion=completing(KEYS),
    ),
]


def list_keys(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the keys, the newest first. The keys themselves are not stored."""
    with connect(context) as client:
        keys = KEYS.all(client)
    say_list(
        [
            ("ID", field("id")),
            ("NAME", field("name")),
            ("KEY", _looks),
            ("KIND", field("kind")),
            ("USE", _use),
            ("STATE", field("state")),
            ("OWNER", _owner),
            ("MODELS", _models),
            ("CREATED", lambda key: minute(key, "created_at")),
            ("EXPIRES", lambda key: minute(key, "expires_at", "never")),
            ("LAST USED", lambda key: minute(key, "last_used_at", "never")),
        ],
        keys,
        as_json=as_json,
        empty="There is no key yet. Make one: KEY=$(headworks keys create NAME)",
    )


def show_key(context: typer.Context, key: Which, *, as_json: AsJson = False) -> None:
    """Show what one key is for, and what it is held to. The key itself is not stored."""
    with connect(context) as client:
        found = find(client, KEYS, key)
    if as_json:
        say_json(found)
        return
    shown = {
        **found,
        "key": _looks(found),
        "owner": _owner(found),
        "scopes": ", ".join(texts(found, "scopes")),
        "models": _models(found),
        "endpoints": ", ".join(texts(found, "allowed_endpoints")) or "all",
        "addresses": ", ".join(texts(found, "allowed_addresses")) or "all",
        "expires": minute(found, "expires_at", "never"),
        "last used": minute(found, "last_used_at", "never"),
    }
    for name in ("name", "id", "key", "kind", "scopes", "state", "owner", "project_id", "models", "endpoints"):
        say(f"{name:<12} {text(shown, name, '-')}")
    for name in ("addresses", "expires", "last used"):
        say(f"{name:<12} {shown[name]}")


def _looks(key: Record) -> str:
    return f"{text(key, 'prefix')}…{text(key, 'last4')}" if text(key, "prefix") else "imported"


def _use(key: Record) -> str:
    ways = {"signs": bool(key.get("signs")), "bearer": bool(key.get("bearer"))}
    return ", ".join(way for way, is_open in ways.items() if is_open)


def _owner(key: Record) -> str:
    return text(record(key.get("owner")), "name", "-")


def _models(key: Record) -> str:
    return "all" if key.get("allowed_models") is None else ", ".join(texts(key, "allowed_models"))
