"""Where the server is and which key opens it: `--url`, or what `headworks up` wrote to the data folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit, urlunsplit

from headworks.entrypoints.cli.failures import BadUsage, Refused, Unreachable
from headworks.entrypoints.cli.records import record, text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from headworks.entrypoints.cli.records import Record
    from headworks.entrypoints.cli.wish import Wish

CREDENTIALS = "credentials.json"
API_PATH = "/api/v1"

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Server:
    """A server's origin, `http://127.0.0.1:8080`, and the management key or access token that it takes."""

    origin: str
    management_key: str = field(repr=False)
    """Empty before somebody has signed in."""
    is_session: bool = False
    """Whether it is the access token of somebody who signed in."""

    @property
    def api(self) -> str:
        """The base of the management API."""
        return f"{self.origin}{API_PATH}"


def meant_origin(wish: Wish) -> str:
    """The server that is meant, whoever calls it. Raises Unreachable, Refused, BadUsage."""
    if wish.url is not None:
        return origin_of(wish.url)
    return with_port(origin_of(text(read_credentials(wish.home), "api")), wish.port)


def find_server(wish: Wish, environment: Mapping[str, str]) -> Server:
    """Raises Unreachable where nothing says where a server is, Refused when a key would go to the wrong one."""
    if wish.url is not None and wish.key_variable is not None:
        return Server(origin_of(wish.url), _key_in(environment, wish.key_variable))
    stored = read_credentials(wish.home)
    home_origin = with_port(origin_of(text(stored, "api")), wish.port)
    origin = home_origin if wish.url is None else origin_of(wish.url)
    if wish.key_variable is not None:
        return Server(origin, _key_in(environment, wish.key_variable))
    if not _same_host(origin, home_origin):
        raise Refused(
            f"the key in {wish.home / CREDENTIALS} is that of {home_origin}, so it is not sent to {origin}.",
            "Name a variable that holds the other server's management key: headworks --url … --key-env VARIABLE …",
        )
    return Server(origin, text(stored, "management_key"))


def read_credentials(home: Path) -> Record:
    """What `up` wrote at its first start. Raises Unreachable when it is not there, Refused when it is not usable."""
    path = home / CREDENTIALS
    try:
        stored = record(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise Unreachable(
            f"no server is known: {path} does not exist.",
            "Start one with `headworks up`, or say where its data is with HEADWORKS_HOME or --home.",
        ) from None
    except (OSError, ValueError) as error:
        raise Refused(f"{path} cannot be read: {error}", "`headworks doctor` says how to mend it.") from error
    missing = [name for name in ("api", "management_key") if not text(stored, name)]
    if missing:
        raise Refused(f"{path} lacks {' and '.join(missing)}.", "`headworks doctor` says how to mend it.")
    return stored


def origin_of(url: str) -> str:
    """Scheme, host and port of `url`. Raises BadUsage when it has none, or holds more than a path."""
    try:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and not _extras(parts):
            return urlunsplit((parts.scheme, parts.netloc, "", "", ""))
    except ValueError:
        pass  # a port that is no number, brackets that do not close
    raise BadUsage(f"{url!r} is not the address of a server.", "Write it as http://127.0.0.1:8080.")


def with_port(url: str, port: int | None) -> str:
    """`url` with another port; as it is where `port` is None."""
    parts = urlsplit(url)
    if port is None or not parts.hostname:
        return url
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return urlunsplit(parts._replace(netloc=f"{host}:{port}"))


def is_loopback(origin: str) -> bool:
    """Whether a server is on this machine."""
    return urlsplit(origin).hostname in _LOOPBACK


def _extras(parts: SplitResult) -> bool:
    return parts.username is not None or bool(parts.query or parts.fragment)


def _same_host(one: str, other: str) -> bool:
    """Whether both are on this machine, or at the very same host by the same scheme: a key may go to either then."""
    if is_loopback(one) and is_loopback(other):
        return True
    ours, theirs = urlsplit(one), urlsplit(other)
    return (ours.scheme, ours.hostname) == (theirs.scheme, theirs.hostname)


def _key_in(environment: Mapping[str, str], variable: str) -> str:
    key = environment.get(variable, "").strip()
    if not key:
        raise BadUsage(f"the variable {variable} is not set.", "Set it to a management key (hw_mk_…) and try again.")
    return key
