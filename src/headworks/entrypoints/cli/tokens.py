"""The tokens of who signed in, by server: in a file that only its owner reads, refreshed before they run out.

The file lies in the data folder where there is one, else in the user's folder for settings: a data folder is made by
`headworks up` and holds nothing else.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from headworks.entrypoints.cli.client import Client
from headworks.entrypoints.cli.failures import Refused, Unreachable
from headworks.entrypoints.cli.records import record, text
from headworks.entrypoints.cli.server import CREDENTIALS, Server, meant_origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headworks.entrypoints.cli.records import Record
    from headworks.entrypoints.cli.wish import Wish

FILE = "sessions.json"
_EARLY = timedelta(seconds=60)
"""A token that ends so soon is refreshed first: the command and the clocks take their time."""
_KEPT = ("access_token", "access_token_expires_at", "refresh_token")


def signed_in(wish: Wish, environment: Mapping[str, str], at: datetime, *, refresh: bool = True) -> Server | None:
    """The server that is meant, as who signed in there; None where nobody did. Raises Unreachable, Refused.

    Without `refresh` a token that has run out is refused as well.
    """
    if wish.key_variable is not None:
        return None
    try:
        origin = meant_origin(wish)
    except Unreachable:
        return None
    stored = record(_read(_path(wish, environment)).get(origin))
    if not text(stored, "access_token"):
        return None
    if _moment(text(stored, "access_token_expires_at")) - _EARLY <= at:
        if not refresh:
            raise Refused("the access token has run out.")
        stored = _refreshed(wish, environment, origin, stored)
    return Server(origin, text(stored, "access_token"), is_session=True)


def keep(wish: Wish, environment: Mapping[str, str], origin: str, granted: Record) -> None:
    """Remember the tokens of a session; a refresh token that did not change stays."""
    path = _path(wish, environment)
    content = _read(path)
    fresh = {name: text(granted, name) for name in _KEPT if text(granted, name)}
    _write(path, {**content, origin: {**record(content.get(origin)), **fresh}})


def forget(wish: Wish, environment: Mapping[str, str], origin: str) -> None:
    """There is no session with that server any more."""
    path = _path(wish, environment)
    content = _read(path)
    if origin in content:
        _write(path, {name: kept for name, kept in content.items() if name != origin})


def _refreshed(wish: Wish, environment: Mapping[str, str], origin: str, stored: Record) -> Record:
    try:
        with Client(Server(origin, "")) as client:
            granted = client.api.refresh({"refresh_token": text(stored, "refresh_token")})
    except Refused as refused:
        forget(wish, environment, origin)
        raise Refused(refused.message, "Sign in again: `headworks login`.", code=refused.code) from refused
    keep(wish, environment, origin, granted)
    return granted


def _path(wish: Wish, environment: Mapping[str, str]) -> Path:
    if (wish.home / CREDENTIALS).exists():
        return wish.home / FILE
    settings = environment.get("XDG_CONFIG_HOME", "")
    return (Path(settings) if settings.startswith("/") else Path.home() / ".config") / "headworks" / FILE


def _read(path: Path) -> Record:
    try:
        return record(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Refused(f"{path} cannot be read: {error}", "Remove it and sign in again: `headworks login`.") from error


def _write(path: Path, content: Record) -> None:
    """Whole or not at all, and for its owner alone from the first moment."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.{os.getpid()}.new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
        new.replace(path)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error}") from error


def _moment(value: str) -> datetime:
    """Long ago where it is no time: then it is refreshed."""
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC) + 2 * _EARLY
