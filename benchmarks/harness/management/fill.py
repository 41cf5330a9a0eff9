"""Organisations and keys as a large company has them, made over the management API: nothing is put past it into a database."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.gateway import Headworks

LARGEST_SHARE = 10
"""One organisation has a tenth of all keys, and the others share the rest: a list is as slow as the longest one."""
AT_ONCE = 1_000
MEMBERS = 20
"""Of the largest organisation."""
RIGHTS = ("organizations:read", "projects:read", "members:read", "keys:read", "keys:write", "audit:read")
"""Of those clients that hold a management key: what an admin's script needs."""


@dataclass(frozen=True, slots=True)
class Amount:
    """How much there is to be."""

    organizations: int
    keys: int
    clients: int


class Operator:
    """The first operator, who signs in and goes from one organisation to the next."""

    def __init__(self, headworks: Headworks) -> None:
        """Choose a password."""
        self._headworks = headworks
        self._email = headworks.credentials["operator_email"]
        self._password = secrets.token_urlsafe(16)
        once = headworks.credentials["operator_password"]
        token = self._sign_in(once)
        change = {"current_password": once, "new_password": self._password}
        headworks.manage("POST", "/auth/password", change, bearer=token)

    def session(self) -> str:
        """The access token of a new session."""
        return self._sign_in(self._password)

    def within(self, token: str, organization_id: str) -> str:
        """An access token of the same session in an organisation; the one before is worth nothing from here on."""
        switched = self._headworks.manage("POST", "/auth/switch", {"organization_id": organization_id}, bearer=token)
        return str(switched["access_token"])

    def _sign_in(self, password: str) -> str:
        who = {"email": self._email, "password": password}
        return str(self._headworks.manage("POST", "/auth/login", who, bearer="")["access_token"])


@dataclass(frozen=True, slots=True)
class Caller:
    """A client to be: what it sends as a bearer, and whether it sees all organisations."""

    bearer: str
    project_id: str
    is_operator: bool


def fill(headworks: Headworks, operator: Operator, amount: Amount) -> list[str]:
    """Make all organisations with their keys; their ids, the largest first."""
    token = operator.session()
    made = []
    for number, count in enumerate(shares(amount)):
        organization = headworks.manage("POST", "/organizations", {"name": f"Organisation {number:04}"})
        token = operator.within(token, organization["id"])
        for first in range(0, count, AT_ONCE):
            names = (f"key {secrets.token_hex(3)} {place:05}" for place in range(first, min(first + AT_ONCE, count)))
            keys = [{"name": name, "owner": "project" if place % 2 else "me"} for place, name in enumerate(names)]
            headworks.manage("POST", "/keys/bulk", {"keys": keys}, bearer=token)
        if number == 0:
            _invite(headworks, token)
        made.append(str(organization["id"]))
    return made


def callers(headworks: Headworks, operator: Operator, organizations: list[str], count: int) -> Iterator[Caller]:
    """Half of them in the largest organisation, half in others; half with a management key, half signed in."""
    for number in range(count):
        organization_id = organizations[0 if number % 4 < 2 else number]  # noqa: PLR2004 - two of four
        token = operator.within(operator.session(), organization_id)
        project: Any = headworks.manage("GET", "/projects", bearer=token)
        if number % 2:
            yield Caller(token, project[0]["id"], is_operator=True)
            continue
        wanted = {"name": f"client {number}", "kind": "management", "permissions": RIGHTS, "owner": "project"}
        made = headworks.manage("POST", "/keys", wanted, bearer=token)
        yield Caller(str(made["key"]), project[0]["id"], is_operator=False)


def shares(amount: Amount) -> list[int]:
    """How many keys each organisation has, the largest first; together all of them."""
    largest = amount.keys // LARGEST_SHARE
    rest, others = amount.keys - largest, amount.organizations - 1
    return [largest, *(rest // others + (place < rest % others) for place in range(others))]


def _invite(headworks: Headworks, token: str) -> None:
    for number in range(MEMBERS):
        asked = {"email": f"person{number}@example.org", "role": "viewer"}
        invited = headworks.manage("POST", "/invitations", asked, bearer=token)
        accepted = {"token": invited["token"], "name": f"Person {number}", "password": secrets.token_urlsafe(16)}
        headworks.manage("POST", "/invitations/accept", accepted, bearer="")
