"""What an admin may write down of a connection, in its one spelling."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from headworks.identity.domain.emails import email_key
from headworks.kernel.errors import Invalid
from headworks.kernel.outbound import checked_url, is_loopback_host

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headworks.identity.contracts import GroupRole
    from headworks.kernel.secrets import Secret

SCOPES: Final = ("openid", "email", "profile")
_EXAMPLE: Final = "https://id.example.com/realms/main"
_LONGEST = 255
_MOST_GROUPS = 200
_MOST_DOMAINS = 50
_MOST_SCOPES = 20
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}", re.ASCII)
"""RFC 6749, appendix A.4."""
_DOMAIN = re.compile(r"(?=.{1,253}$)[^\s@\"(),:;<>\[\\\]/.]{1,63}(\.[^\s@\"(),:;<>\[\\\]/.]{1,63})*")
_SECRET = re.compile(r"[\x20-\x7e]{1,8192}", re.ASCII)
"""RFC 6749, appendix A.2."""


def checked_issuer(text: str, *, private_networks: bool) -> str:
    """The issuer, with the slash at its end where it has one: directories compare it character by character. Raises Invalid."""
    url = checked_url(text, "issuer", _EXAMPLE, private_networks=private_networks)
    if not url.startswith("https://") and not is_loopback_host(urlsplit(url).hostname or ""):
        raise Invalid.field("issuer", "not_https", "must begin with https://, unless it is on this very machine")
    return f"{url}/" if text.endswith("/") else url


def checked_text(field: str, text: str) -> str:
    """A client id, or the name of a claim. Raises Invalid."""
    if not text.strip() or not text.isprintable() or len(text) > _LONGEST:
        raise Invalid.field(field, "malformed", f"must be 1 to {_LONGEST} characters that can be printed")
    return text


def checked_scopes(scopes: Iterable[str] | None) -> tuple[str, ...]:
    """Without repetition, and with `openid`, which makes it OpenID Connect. Raises Invalid."""
    wanted = tuple(dict.fromkeys(("openid", *(SCOPES if scopes is None else scopes))))
    if len(wanted) > _MOST_SCOPES:
        raise Invalid.field("scopes", "too_many", f"must not name more than {_MOST_SCOPES}")
    for number, scope in enumerate(wanted):
        if not _SCOPE.fullmatch(scope):
            raise Invalid.field(f"scopes.{number}", "malformed", "must be one word of printable ASCII")
    return wanted


def checked_groups(groups: Iterable[GroupRole]) -> tuple[GroupRole, ...]:
    """In their order. Raises Invalid, also for a group that is named twice: only the first would count."""
    found = tuple(groups)
    if len(found) > _MOST_GROUPS:
        raise Invalid.field("group_roles", "too_many", f"must not name more than {_MOST_GROUPS} groups")
    seen: set[str] = set()
    for number, one in enumerate(found):
        checked_text(f"group_roles.{number}.group", one.group)
        if one.group in seen:
            raise Invalid.field(
                f"group_roles.{number}.group", "repeated", "is there already; only the first would count"
            )
        seen.add(one.group)
    return found


def checked_domains(domains: Iterable[str]) -> tuple[str, ...]:
    """Casefolded, without repetition, one at least. Raises Invalid."""
    found = tuple(dict.fromkeys(email_key(domain.strip().removeprefix("@")) for domain in domains))
    if not found:
        raise Invalid.field("allowed_domains", "empty", "must name one at least, such as example.com")
    if len(found) > _MOST_DOMAINS:
        raise Invalid.field("allowed_domains", "too_many", f"must not name more than {_MOST_DOMAINS} domains")
    for number, domain in enumerate(found):
        if not _DOMAIN.fullmatch(domain) or not domain.isprintable():
            raise Invalid.field(f"allowed_domains.{number}", "malformed", "must be a domain, such as example.com")
    return found


def check_client_secret(secret: Secret) -> None:
    """Raises Invalid, and does not repeat it."""
    if not _SECRET.fullmatch(secret.reveal()):
        raise Invalid.field("client_secret", "malformed", "must be printable ASCII, 8192 characters at most")


def is_allowed(address_key: str, domains: Iterable[str]) -> bool:
    """Whether an email address is of one of the domains; what is below them is another domain."""
    return address_key.rpartition("@")[2] in domains
