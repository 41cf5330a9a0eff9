"""Whom a directory vouches for: what it says in the ID token, and in addition where it was asked for more.

Providers that keep to the letter put address and groups into UserInfo when an access token comes along (OpenID Connect Core
1.0, section 5.4); others put all of it into the ID token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from headworks.identity.domain.sso.roles import governs_roles
from headworks.identity.errors import SsoRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headworks.identity.contracts import SsoConnection

_LONGEST_SUBJECT: Final = 255
"""OpenID Connect Core 1.0, section 2."""
_MOST_GROUPS: Final = 5_000
_OF_ADDRESSES: Final = ("email", "email_verified", "xms_edov")
_OF_TOKENS: Final = frozenset({"iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce"})

Claims = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the directory vouches for."""

    subject: str
    email: str | None
    is_verified: bool
    """Whether the directory says that the address is theirs."""
    name: str | None
    groups: frozenset[str]


def lacks_something(claims: Mapping[str, Any], connection: SsoConnection) -> bool:
    """Whether UserInfo is to be asked for what the ID token leaves out."""
    return "email" not in claims or (governs_roles(connection) and connection.group_claim not in claims)


def completed(claims: Claims, more: Mapping[str, Any]) -> Claims:
    """With what UserInfo adds; what the ID token says stands. Raises SsoRefused when it is about somebody else."""
    if more.get("sub") != claims.get("sub"):
        raise refused("what it adds to it is about somebody else")
    own = claims if "email" in claims else {name: value for name, value in claims.items() if name not in _OF_ADDRESSES}
    # An address and whether it was verified are one statement.
    added = {name: value for name, value in more.items() if "email" not in claims or name not in _OF_ADDRESSES}
    return {name: value for name, value in added.items() if name not in _OF_TOKENS} | own


def person_of(claims: Mapping[str, Any], connection: SsoConnection) -> Person:
    """Raises SsoRefused."""
    subject, email, name = claims.get("sub"), claims.get("email"), claims.get("name")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
        raise refused("its subject is no text of 1 to 255 characters")
    return Person(
        subject,
        email if isinstance(email, str) else None,
        _is_verified(claims),
        name if isinstance(name, str) else None,
        _groups(claims, connection.group_claim) if governs_roles(connection) else frozenset(),
    )


def _is_verified(claims: Mapping[str, Any]) -> bool:
    """Some directories say it as text, and Entra ID under a name of its own.

    https://learn.microsoft.com/entra/identity-platform/optional-claims-reference has `xms_edov`.
    """
    said = claims.get("email_verified", claims.get("xms_edov"))
    return said is True or said in ("true", "True", "1")


def _groups(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    elsewhere = claims.get("_claim_names")
    # Entra ID leaves groups out where somebody is in more than 200: that must not look like being in none.
    if (isinstance(elsewhere, dict) and name in elsewhere) or (claims.get("hasgroups") and name not in claims):
        raise refused("it leaves out the groups, because there are too many; let the directory send only assigned ones")
    said = claims.get(name)
    if said is None:
        return frozenset()
    groups = [said] if isinstance(said, str) else said
    if not isinstance(groups, list) or len(groups) > _MOST_GROUPS or not all(isinstance(one, str) for one in groups):
        raise refused(f"{name!r} is no list of groups")
    return frozenset(groups)


def refused(reason: str) -> SsoRefused:
    """What the directory said is not taken."""
    return SsoRefused(
        f"The directory's answer was not accepted: {reason}. Nothing has changed; try again.", detail=reason
    )
