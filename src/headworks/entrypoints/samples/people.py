"""Organisations, their projects, who works there, and who is asked to."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headworks.entrypoints.cli.client import Client
from headworks.entrypoints.cli.nouns import INVITATIONS, MEMBERS, ORGANIZATIONS, PROJECTS, SERVICE_ACCOUNTS, USERS
from headworks.entrypoints.cli.server import Server
from headworks.entrypoints.samples.plan import OPERATOR, Person

if TYPE_CHECKING:
    from headworks.client.shapes import AcceptanceBody, UserOut
    from headworks.entrypoints.samples.plan import Company


@dataclass(slots=True)
class Entrances:
    """Passwords of those who came by a link in this run, until each gets one that works once."""

    passwords: dict[str, str] = field(default_factory=dict, repr=False)


def the_operator(client: Client) -> str:
    """A password of the sample operator, who is made where they are not there. Their former one is gone."""
    found = _user(client, OPERATOR)
    if found is None:
        _join(client, Person("Olivia Operator", OPERATOR, "viewer"), Entrances())
        found = USERS.all(client, email=OPERATOR)[0]
        client.api.change_user(found["id"], {"is_operator": True})
    return _known_again(client, found["id"], OPERATOR)


def signed_in(origin: str, email: str, password: str, organization_id: str | None = None) -> Client:
    """As somebody, in an organisation of theirs."""
    with Client(Server(origin, "")) as nobody:
        granted = nobody.api.login({"email": email, "password": password, "organization_id": organization_id})
    return Client(Server(origin, granted["access_token"] or "", is_session=True))


def the_organization(client: Client, name: str) -> str:
    """Its id."""
    for one in ORGANIZATIONS.all(client):
        if one["name"] == name:
            return one["id"]
    return client.api.create_organization({"name": name})["id"]


def furnish(client: Client, company: Company, entrances: Entrances) -> None:
    """Everything of `people`, in the organisation that `client` acts in."""
    _projects(client, company)
    _people(client, company, entrances)
    _accounts(client, company)
    _invitations(client, company)


def one_time_passwords(client: Client, entrances: Entrances) -> dict[str, str]:
    """By address, for everybody who came in this run; each signs in once from two places, so that there are sessions."""
    made: dict[str, str] = {}
    for email in entrances.passwords:
        user = _user(client, email)
        if user is None or user["state"] != "active":
            continue
        made[email] = client.api.reset_password(user["id"])["password"]
        for _ in range(2):
            signed_in(client.origin, email, made[email]).__exit__()
    return made


def _projects(client: Client, company: Company) -> None:
    there = {one["name"] for one in PROJECTS.all(client)}
    for name in company.projects:
        if name not in there:
            client.api.create_project({"name": name})
    if company.archived not in there:
        made = client.api.create_project({"name": company.archived})
        client.api.change_project(made["id"], {"state": "archived"})


def _people(client: Client, company: Company, entrances: Entrances) -> None:
    there = {one["email"] for one in MEMBERS.all(client)}
    for person in company.people:
        if person.email in there:
            continue
        _join(client, person, entrances)
        user = _user(client, person.email)
        if person.disabled and user is not None:
            client.api.change_user(user["id"], {"state": "disabled"})


def _join(client: Client, person: Person, entrances: Entrances) -> None:
    """By a link, as people do: with a new account, or as oneself for who has one."""
    invited = client.api.create_invitation({"email": person.email, "role": person.role})
    body: AcceptanceBody = {"token": invited["token"], "name": person.name}
    known = _user(client, person.email)
    if known is not None:
        # Who came with another company in an earlier run has a password that nobody here knows.
        password = entrances.passwords.get(person.email) or _known_again(client, known["id"], person.email)
        with signed_in(client.origin, person.email, password) as themselves:
            themselves.api.accept_invitation(body)
        entrances.passwords[person.email] = password
        return
    body["password"] = entrances.passwords[person.email] = secrets.token_urlsafe(18)
    with Client(Server(client.origin, "")) as nobody:
        nobody.api.accept_invitation(body)


def _known_again(client: Client, user_id: str, email: str) -> str:
    """A password of their own for somebody who is there already."""
    once = client.api.reset_password(user_id)["password"]
    own = secrets.token_urlsafe(18)
    with signed_in(client.origin, email, once) as themselves:
        themselves.api.change_password({"current_password": once, "new_password": own})
    return own


def _accounts(client: Client, company: Company) -> None:
    there = {one["name"] for one in SERVICE_ACCOUNTS.all(client)}
    for account in company.accounts:
        if account.name not in there:
            made = client.api.create_service_account({"name": account.name, "role": account.role})
            if account.disabled:
                client.api.change_service_account(made["id"], {"state": "disabled"})


def _invitations(client: Client, company: Company) -> None:
    there = {one["email"] for one in INVITATIONS.all(client)}
    if company.invited not in there:
        client.api.create_invitation({"email": company.invited, "role": "viewer"})
    if company.withdrawn not in there:
        made = client.api.create_invitation({"email": company.withdrawn, "role": "viewer"})
        client.api.revoke_invitation(made["id"])


def _user(client: Client, email: str) -> UserOut | None:
    return next(iter(USERS.all(client, email=email)), None)
