"""`credentials.json`: where the server is and its first keys, for people and for the command line. Mode 0600."""

from __future__ import annotations

import ipaddress
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.kernel.secrets import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from headworks.bootstrap.settings import Settings
    from headworks.identity.facade import FirstKeys

_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class FirstOperator:
    """Who may do everything, until they have chosen a password of their own."""

    user_id: str
    email: str
    password: Secret
    is_new: bool
    """It was made at this start, so nobody has seen it."""


def endpoint_of(settings: Settings, address: str | None = None) -> str:
    """What an SDK on this machine takes as its base URL; `address` is `host:port` as it was bound."""
    scheme = "http" if settings.tls_cert is None else "https"
    port = settings.port if address is None else int(address.rpartition(":")[2])
    return f"{scheme}://{_reachable(settings.host)}:{port}/v1"


def read_credentials(path: Path) -> dict[str, str]:
    """The file's text fields; nothing when it is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {name: value for name, value in content.items() if isinstance(value, str)}


class Credentials:
    """The file of one installation. What others wrote into it besides stays."""

    def __init__(self, path: Path, endpoint: str) -> None:
        self._path = path
        self._endpoint = endpoint
        self._content = read_credentials(path)

    @property
    def usable(self) -> bool:
        """Whether both keys are there."""
        return bool(self._content.get("api_key")) and bool(self._content.get("management_key"))

    def keep(self, keys: FirstKeys) -> None:
        """Write new keys, before they become valid."""
        self._content |= {"api_key": keys.inference.reveal(), "management_key": keys.management.reveal()}
        self._write()

    @property
    def operator_password(self) -> Secret | None:
        """The one-time password of the first operator, as long as it is kept."""
        text = self._content.get("operator_password", "")
        return Secret(text) if text else None

    def keep_operator(self, email: str, password: Secret) -> None:
        """Write the first operator's one-time password, before it becomes valid."""
        self._content |= {"operator_email": email, "operator_password": password.reveal()}
        self._write()

    def forget_operator(self) -> None:
        """They have a password of their own."""
        if self._content.pop("operator_password", None) is not None:
            self._write()

    def point_to(self, endpoint: str) -> None:
        """Say where the server is now, if that changed."""
        self._endpoint = endpoint
        self._write()

    def _write(self) -> None:
        api = f"{self._endpoint.removesuffix('/v1')}/api/v1"
        content = {**self._content, "endpoint": self._endpoint, "api": api}
        text = json.dumps(content, indent=2) + "\n"
        if not self._path.exists() or self._path.read_text(encoding="utf-8") != text:
            write_private(self._path, text)
        self._path.chmod(_PRIVATE)


def write_private(path: Path, text: str) -> None:
    """Put `text` at `path` with mode 0600, whole or not at all, so that it survives the loss of power."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _reachable(host: str) -> str:
    """`host` as a client here writes it: every network stands for this machine, and IPv6 goes in brackets."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"  # noqa: PLR2004 - IP's own number
    return f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004
