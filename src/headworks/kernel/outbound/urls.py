"""URLs that people write down for us to call: which are accepted, and their one spelling."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from headworks.kernel.errors import Invalid
from headworks.kernel.outbound.networks import kind_of_host

_LONGEST = 2048
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*")

_METADATA_HOSTS = frozenset({"metadata.google.internal", "instance-data.ec2.internal"})
"""Where clouds hand out a machine's credentials, by name. Nobody runs a server there."""
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def checked_url(text: str, field: str, example: str, *, private_networks: bool) -> str:
    """The URL in its one spelling: lower-case host, no default port, no slash at its end.

    `private_networks`: whether an address of a loopback or private network may be named. A name that resolves to one is
    refused at each connection. Raises Invalid for `field`, saying what to change.
    """
    try:
        return _checked(text, example, private_networks=private_networks)
    except _Wrong as wrong:
        raise Invalid.field(field, wrong.code, wrong.message) from None


def is_loopback_host(host: str) -> bool:
    """Whether a host that was accepted is this very machine by its name or address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Wrong(Exception):
    def __init__(self, message: str, code: str = "malformed_url") -> None:
        self.message = message
        self.code = code


def _checked(text: str, example: str, *, private_networks: bool) -> str:
    parts = _split(text, example)
    if parts.scheme not in _DEFAULT_PORTS:
        raise _Wrong(f"must begin with https:// or http://, such as {example}")
    if parts.username is not None or parts.password is not None:
        raise _Wrong("must not hold a user name or password; give the credential in its own field")
    if "?" in text or "#" in text:
        raise _Wrong(f"must have no ? and no #; write it like {example}")
    host = _host(parts.hostname or "", example)
    if not private_networks and (is_loopback_host(host) or kind_of_host(host) == "private"):
        raise _Wrong(
            "belongs to a private network; only an operator may name such an address, where HEADWORKS_PRIVATE_NETWORKS "
            "allows it",
            "private",
        )
    port = _port(parts)
    path = _path(parts.path)
    shown_host = f"[{host}]" if ":" in host else host
    shown_port = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{shown_host}{shown_port}{path}"


def _split(text: str, example: str) -> SplitResult:
    if len(text) > _LONGEST:
        raise _Wrong(f"must have at most {_LONGEST} characters")
    if not text.isascii() or any(character <= " " or character in '\x7f\\"<>^`{|}' for character in text):
        raise _Wrong("holds a space or a character that URLs do not have; write host names in ASCII")
    try:
        return urlsplit(text)
    except ValueError:
        raise _Wrong(f"is not a URL; write it like {example}") from None


def _host(text: str, example: str) -> str:
    """Lower-case by `urlsplit` already."""
    host = text.rstrip(".")
    if not host:
        raise _Wrong(f"names no host; write it like {example}")
    if ":" in host:
        host = _ipv6(host)
    elif not all(_HOST_LABEL.fullmatch(label) for label in host.split(".")) or len(host) > 253:  # noqa: PLR2004 - DNS
        raise _Wrong("names a host that is neither a name nor an address")
    elif _NUMBER.fullmatch(host.rpartition(".")[2]):
        # What ends in a number is an address to every resolver, also as 127.1 or 0x7f000001.
        host = _ipv4(host)
    if host in _METADATA_HOSTS or kind_of_host(host) == "never":
        raise _Wrong(
            "is an address that is never called: it is link-local, reserved, or one where a cloud hands out credentials",
            "reserved",
        )
    return host


def _ipv6(host: str) -> str:
    """An IPv4 address that is written as an IPv6 one comes out as what it is. `urlsplit` has checked the form."""
    address = ipaddress.IPv6Address(host)
    if address.scope_id is not None:
        raise _Wrong("names a network interface, which another server would not have; leave out the part from %")
    return str(address.ipv4_mapped or address)


def _ipv4(host: str) -> str:
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise _Wrong("names a host that looks like an IPv4 address and is none") from None


def _port(parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        raise _Wrong("has a port that is not a number from 1 to 65535") from None
    if port == 0:
        raise _Wrong("has the port 0; ports are 1 to 65535")
    return port


def _path(text: str) -> str:
    path = text.rstrip("/")
    if not _PATH.fullmatch(path) or any(segment in (".", "..") for segment in path.split("/")):
        raise _Wrong("has a path with an empty segment, a dot segment or an escape; write it plainly")
    return path
