"""Where RabbitMQ is: read once from a setting, checked before anything connects, and never shown with its password."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args
from urllib.parse import unquote

from headworks.kernel.secrets import Secret
from headworks.kernel.server_url import LOOPBACK, BadServerUrl, options_of, split

if TYPE_CHECKING:
    from urllib.parse import SplitResult

TlsMode = Literal["disable", "require", "verify-ca", "verify-full"]
Side = Literal["events", "tasks"]

_LONGEST_PREFIX: Final = 100


class BadBusAddress(BadServerUrl):
    """As it says."""

    server = "RabbitMQ"
    example = "write it as amqps://user:password@host:5671/headworks"


@dataclass(frozen=True, slots=True)
class Address:
    """A broker, and the virtual hosts there that are ours. `repr` and `str` show no password."""

    host: str
    port: int
    user: Secret
    password: Secret
    prefix: str
    """Of the virtual hosts: `headworks` for `headworks-events` and `headworks-tasks`."""
    tls: TlsMode
    tls_root: str | None
    """PEM file with the authorities that are believed; None for those that the system believes."""

    @classmethod
    def parse(cls, secret: Secret) -> Address:
        """Raises BadBusAddress."""
        url, host, port = split(secret, {"amqp", "amqps"}, BadBusAddress)
        if not url.username or not url.password:
            raise BadBusAddress(f"it names no user with a password; {BadBusAddress.example}")
        prefix = unquote(url.path.removeprefix("/"))
        if not 1 <= len(prefix) <= _LONGEST_PREFIX:
            raise BadBusAddress(f"its path must say what our virtual hosts are called; {BadBusAddress.example}")
        options = options_of(url, BadBusAddress)
        tls = _tls(url, options.get("sslmode"))
        user, password = Secret(unquote(url.username)), Secret(unquote(url.password))
        usual = 5671 if url.scheme == "amqps" else 5672
        return cls(host, port or usual, user, password, prefix, tls, options.get("sslrootcert"))

    def __str__(self) -> str:
        return f"RabbitMQ at {self.host}:{self.port}"

    def virtual_host(self, side: Side) -> str:
        """Events and tasks are apart, so that either can have limits, permissions and an operator of its own."""
        return f"{self.prefix}-{side}"

    def tls_context(self) -> ssl.SSLContext | None:
        """How TLS is spoken; None without it. Raises BadBusAddress when the authorities cannot be read."""
        if self.tls == "disable":
            return None
        try:
            context = ssl.create_default_context(cafile=self.tls_root)
        except OSError as error:
            raise BadBusAddress(f"sslrootcert cannot be read: {error.strerror or error}") from error
        context.check_hostname = self.tls == "verify-full"
        if self.tls == "require":
            context.verify_mode = ssl.CERT_NONE
        return context


def _tls(url: SplitResult, mode: str | None) -> TlsMode:
    if mode is not None and mode not in get_args(TlsMode):
        raise BadBusAddress(f"sslmode must be one of {', '.join(get_args(TlsMode))}")
    known: TlsMode | None = next((one for one in get_args(TlsMode) if one == mode), None)
    if url.scheme == "amqps":
        if known == "disable":
            raise BadBusAddress("amqps is with TLS; write amqp for a connection without")
        return known or "verify-full"
    if known not in {None, "disable"}:
        raise BadBusAddress("amqp is without TLS; write amqps for a connection with it")
    if known is None and url.hostname not in LOOPBACK:
        raise BadBusAddress("passwords would cross the network in the clear: write amqps, or add ?sslmode=disable")
    return "disable"
