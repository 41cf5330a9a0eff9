"""Base URLs of providers: which are accepted, their one spelling, and whose list prices hold behind them."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from headworks.catalog.domain.networks import kind_of_host
from headworks.kernel.errors import Invalid

_LONGEST = 2048
_FIELD = "base_url"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*")

_METADATA_HOSTS = frozenset({"metadata.google.internal", "instance-data.ec2.internal"})
"""Where clouds hand out a machine's credentials, by name. Nobody runs a model there."""
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

DEMO_HOST = "echo.invalid"
"""Of the built-in demo, which is never called: RFC 2606 keeps `.invalid` from ever resolving."""

_KINDS = {
    DEMO_HOST: "headworks",
    "api.anthropic.com": "anthropic",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral",
    "api.openai.com": "openai",
    "generativelanguage.googleapis.com": "gemini",
    "openrouter.ai": "openrouter",
}


def base_url(text: str, *, private_networks: bool) -> str:
    """The address in its one spelling: lower-case host, no default port, no slash at its end.

    `private_networks`: whether an address of a loopback or private network may be named. A name that resolves to one is
    the engine's to refuse, at each connection. Raises Invalid, saying what to change.
    """
    parts = _split(text)
    if parts.scheme not in _DEFAULT_PORTS:
        raise _invalid("must begin with https:// or http://, such as https://api.openai.com/v1")
    if parts.username is not None or parts.password is not None:
        raise _invalid("must not hold a user name or password; give the credential in its own field")
    if "?" in text or "#" in text:
        raise _invalid("must have no ? and no #; write it up to and including the version, such as /v1")
    host = _host(parts.hostname or "")
    if not private_networks and _is_private(host):
        raise _invalid(
            "belongs to a private network; only an operator may name such an address, where HEADWORKS_PRIVATE_NETWORKS "
            "allows it",
            "private",
        )
    port = _port(parts)
    path = _path(parts.path)
    shown_host = f"[{host}]" if ":" in host else host
    shown_port = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{shown_host}{shown_port}{path}"


def kind_of(url: str) -> str | None:
    """The provider whose list prices hold at this address, such as `openai`; None where nobody knows."""
    return _KINDS.get(urlsplit(url).hostname or "")


def same_origin(one: str, other: str) -> bool:
    """Whether two accepted base URLs are of one server, so that a secret for one may go to the other."""
    return urlsplit(one)[:2] == urlsplit(other)[:2]


def _split(text: str) -> SplitResult:
    if len(text) > _LONGEST:
        raise _invalid(f"must have at most {_LONGEST} characters")
    if not text.isascii() or any(character <= " " or character in '\x7f\\"<>^`{|}' for character in text):
        raise _invalid("holds a space or a character that URLs do not have; write host names in ASCII")
    try:
        return urlsplit(text)
    except ValueError:
        raise _invalid("is not a URL; write it like https://api.openai.com/v1") from None


def _host(text: str) -> str:
    """Lower-case by `urlsplit` already."""
    host = text.rstrip(".")
    if not host:
        raise _invalid("names no host; write it like https://api.openai.com/v1")
    if ":" in host:
        host = _ipv6(host)
    elif not all(_HOST_LABEL.fullmatch(label) for label in host.split(".")) or len(host) > 253:  # noqa: PLR2004 - DNS
        raise _invalid("names a host that is neither a name nor an address")
    elif _NUMBER.fullmatch(host.rpartition(".")[2]):
        # What ends in a number is an address to every resolver, also as 127.1 or 0x7f000001.
        host = _ipv4(host)
    if host in _METADATA_HOSTS or kind_of_host(host) == "never":
        raise _invalid(
            "is no address of a provider: it is link-local, reserved, or one where a cloud hands out credentials",
            "reserved",
        )
    return host


def _ipv6(host: str) -> str:
    """An IPv4 address that is written as an IPv6 one comes out as what it is. `urlsplit` has checked the form."""
    address = ipaddress.IPv6Address(host)
    if address.scope_id is not None:
        raise _invalid("names a network interface, which another server would not have; leave out the part from %")
    return str(address.ipv4_mapped or address)


def _ipv4(host: str) -> str:
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise _invalid("names a host that looks like an IPv4 address and is none") from None


def _is_private(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost") or kind_of_host(host) == "private"


def _port(parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        raise _invalid("has a port that is not a number from 1 to 65535") from None
    if port == 0:
        raise _invalid("has the port 0; ports are 1 to 65535")
    return port


def _path(text: str) -> str:
    path = text.rstrip("/")
    if not _PATH.fullmatch(path) or any(segment in (".", "..") for segment in path.split("/")):
        raise _invalid("has a path with an empty segment, a dot segment or an escape; write it plainly")
    return path


def _invalid(message: str, code: str = "malformed_url") -> Invalid:
    return Invalid.field(_FIELD, code, message)
