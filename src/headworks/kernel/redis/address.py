"""Where Redis is: read once from a setting, checked before anything connects, and never shown with its password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from headworks.kernel.secrets import Secret
from headworks.kernel.server_url import LOOPBACK, BadServerUrl, options_of, readable, split

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_USUAL_PORT: Final = 6379


class BadRedisAddress(BadServerUrl):
    """As it says."""

    server = "Redis"
    example = "write it as rediss://user:password@host:6379/0"


@dataclass(frozen=True, slots=True)
class Address:
    """A server, and the database there that is ours. `repr` and `str` show no password."""

    host: str
    port: int
    user: str | None
    password: Secret | None
    database: int
    tls: bool
    tls_root: str | None
    """PEM file with the authorities that are believed; None for those that the system believes."""

    @classmethod
    def parse(cls, secret: Secret) -> Address:
        """Raises BadRedisAddress."""
        url, host, port = split(secret, {"redis", "rediss"}, BadRedisAddress)
        if url.username and not url.password:
            raise BadRedisAddress(f"it names a user without a password; {BadRedisAddress.example}")
        options = options_of(url, BadRedisAddress)
        tls = url.scheme == "rediss"
        _check_tls(url, options, tls=tls)
        user = unquote(url.username) if url.username else None
        password = Secret(unquote(url.password)) if url.password else None
        return cls(
            host,
            port or _USUAL_PORT,
            user,
            password,
            _database(url),
            tls,
            readable(options.get("sslrootcert"), BadRedisAddress),
        )

    def __str__(self) -> str:
        return f"Redis at {self.host}:{self.port}"


def _database(url: SplitResult) -> int:
    path = url.path.removeprefix("/")
    if path and not (path.isascii() and path.isdecimal()):
        raise BadRedisAddress(f"its path must be the number of a database, such as /0; {BadRedisAddress.example}")
    return int(path or "0")


def _check_tls(url: SplitResult, options: dict[str, str], *, tls: bool) -> None:
    mode = options.get("sslmode")
    if mode not in {None, "disable"} or (mode and tls):
        raise BadRedisAddress("sslmode says only that there is none: redis://…?sslmode=disable; rediss is with TLS")
    if not tls and "sslrootcert" in options:
        raise BadRedisAddress("redis is without TLS; write rediss for a connection with it")
    if not tls and mode is None and url.password and url.hostname not in LOOPBACK:
        raise BadRedisAddress("passwords would cross the network in the clear: write rediss, or add ?sslmode=disable")
