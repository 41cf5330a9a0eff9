"""Where a database server is: read once from a setting, checked before anything connects, and never shown with its password."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Literal

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headworks.kernel.secrets import Secret

Family = Literal["postgresql", "mariadb", "mysql"]
TlsMode = Literal["disable", "require", "verify-ca", "verify-full"]

_FAMILIES: Final[dict[str, Family]] = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mariadb": "mariadb",
    "mysql": "mysql",
}
_DRIVERS: Final[dict[Family, tuple[str, str]]] = {
    "postgresql": ("asyncpg", "postgresql"),
    "mariadb": ("asyncmy", "mysql"),
    "mysql": ("asyncmy", "mysql"),
}
"""The driver's module, and the extra of our package that installs it. Why these: docs/decisions/0009."""
_PORTS: Final[dict[Family, int]] = {"postgresql": 5432, "mariadb": 3306, "mysql": 3306}
_TLS_MODES: Final[tuple[TlsMode, ...]] = ("disable", "require", "verify-ca", "verify-full")
_EXAMPLE: Final = "write it as postgresql://user:password@host:5432/database, or with mariadb: or mysql: in front"


class BadAddress(ValueError):
    """The URL cannot be used. The text says why, and holds nothing of it but names of options."""


@dataclass(frozen=True, slots=True)
class Address:
    """A database on a server. `repr` and `str` show no password; nor does anything but `url`."""

    family: Family
    host: str
    """A name, an address, or the path of a Unix socket."""
    port: int
    database: str
    tls: TlsMode | None
    """None where nothing was said: a loopback address does without, and any other one must have it."""
    tls_root: str | None
    """PEM file with the authorities that are believed; None for those that the system believes."""
    secret: Secret

    @classmethod
    def parse(cls, secret: Secret) -> Address:
        """Raises BadAddress."""
        url = _url(secret)
        family = _FAMILIES.get(url.drivername)
        if family is None:
            raise BadAddress(_unknown(url.drivername))
        driver, extra = _DRIVERS[family]
        if find_spec(driver) is None:
            raise BadAddress(f"the driver {driver} is not installed; run: pip install 'headworks[{extra}]'")
        if not url.database:
            raise BadAddress(f"it names no database; {_EXAMPLE}")
        options = _options(url)
        host = options.pop("socket", None) or url.host or "127.0.0.1"
        return cls(
            family, host, url.port or _PORTS[family], url.database, _tls(options), options.get("sslrootcert"), secret
        )

    def __str__(self) -> str:
        return f"{self.family} at {self.server}, database {self.database}"

    @property
    def server(self) -> str:
        """Where it listens: `host:port`, or the path of its socket."""
        return self.host if self.is_socket else f"{self.host}:{self.port}"

    @property
    def is_socket(self) -> bool:
        """Whether it is reached without a network."""
        return self.host.startswith("/")

    @property
    def needs_tls(self) -> bool:
        """Whether a connection without TLS is refused."""
        if self.tls is not None:
            return self.tls != "disable"
        return not (self.is_socket or self.host in {"127.0.0.1", "::1", "localhost"})

    def url(self) -> URL:
        """What the driver is given, with the password in it. Hand it on at once."""
        given = _url(self.secret)
        socket = {"host": self.host} if self.family == "postgresql" else {"unix_socket": self.host}
        return URL.create(
            # SQLAlchemy's dialect for MySQL finds out by itself whether it speaks to MariaDB.
            "postgresql+asyncpg" if self.family == "postgresql" else "mysql+asyncmy",
            username=given.username,
            password=given.password,
            host=None if self.is_socket else self.host,
            port=None if self.is_socket and self.family != "postgresql" else self.port,
            database=self.database,
            query=socket if self.is_socket else {},
        )

    def tls_context(self) -> ssl.SSLContext | None:
        """How TLS is spoken; None without it. Raises BadAddress when the authorities cannot be read."""
        if not self.needs_tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.tls_root)
        except OSError as error:
            raise BadAddress(f"sslrootcert cannot be read: {error.strerror or error}") from error
        mode = self.tls or "verify-full"
        context.check_hostname = mode == "verify-full"
        if mode == "require":
            context.verify_mode = ssl.CERT_NONE
        return context


def _url(secret: Secret) -> URL:
    try:
        return make_url(secret.reveal())
    except (ArgumentError, ValueError):
        # Not chained: the cause repeats the URL.
        raise BadAddress(f"it is no URL of a database; {_EXAMPLE}") from None


def _unknown(scheme: str) -> str:
    if scheme.startswith("sqlite"):
        return "SQLite needs no URL: leave the variable out, and the files are in the data folder"
    family, plus, _ = scheme.partition("+")
    if plus and family in _FAMILIES:
        return f"leave the driver out of it: {family}://…; which driver is used is settled"
    return f"it is of no kind that is known; {_EXAMPLE}"


def _options(url: URL) -> dict[str, str]:
    options = {}
    for name, value in url.query.items():
        if name not in {"sslmode", "sslrootcert", "socket"} or not isinstance(value, str):
            # Not named: a password with an unquoted question mark would be cut in two there.
            raise BadAddress(
                "it has an option that is not known, or one twice; there are sslmode, sslrootcert and socket"
            )
        options[name] = value
    if not options.get("socket", "/").startswith("/"):
        raise BadAddress("socket must be a path from the root: PostgreSQL's folder, or the file of MariaDB and MySQL")
    return options


def _tls(options: Mapping[str, str]) -> TlsMode | None:
    mode = options.get("sslmode")
    if mode is None:
        return None
    if mode not in _TLS_MODES:
        raise BadAddress(f"sslmode must be one of {', '.join(_TLS_MODES)}")
    return next(known for known in _TLS_MODES if known == mode)
