"""What the samples are: three companies that differ in size and habits, and who works there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["admin", "maintainer", "viewer"]

OPERATOR = "olivia@samples.example"
"""Their password is made anew whenever the samples are: it is they who act in each organisation."""
PROVIDER = "sample-mock"
FAST, LARGE, STEADY, FLAKY = "sample-fast", "sample-large", "sample-steady", "sample-flaky"


@dataclass(frozen=True, slots=True)
class Person:
    """A user, and what they are in the organisation that they are listed in."""

    name: str
    email: str
    role: Role
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """A service account."""

    name: str
    role: Role
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Company:
    """An organisation with all that is in it."""

    name: str
    projects: tuple[str, ...]
    archived: str
    people: tuple[Person, ...]
    accounts: tuple[Account, ...]
    invited: str
    withdrawn: str
    requests: int
    """How many its keys send."""


_CONSULTANT = "carla@consulting.example"

COMPANIES = (
    Company(
        "Acme Retail",
        ("Web shop", "Support assistant", "Product texts"),
        "Christmas campaign",
        (
            Person("Ada Adams", "ada@acme.example", "admin"),
            Person("Max Moreau", "max@acme.example", "maintainer"),
            Person("Vera Vogel", "vera@acme.example", "viewer"),
            Person("Carla Consult", _CONSULTANT, "maintainer"),
        ),
        (
            Account("shop-backend", "viewer"),
            Account("nightly-texts", "maintainer"),
            Account("old-bot", "viewer", disabled=True),
        ),
        "new-colleague@acme.example",
        "wrong-address@acme.example",
        150,
    ),
    Company(
        "Globex Energy",
        ("Grid forecasts", "Field reports", "Trading desk"),
        "Pilot 2025",
        (
            Person("Anton Albers", "anton@globex.example", "admin"),
            Person("Mia Meyer", "mia@globex.example", "maintainer"),
            Person("Viktor Varga", "viktor@globex.example", "viewer", disabled=True),
        ),
        (Account("forecaster", "viewer"), Account("terraform", "admin"), Account("report-reader", "viewer")),
        "intern@globex.example",
        "left-again@globex.example",
        90,
    ),
    Company(
        "Initech Software",
        ("Code review", "Documentation", "Chat"),
        "Hackathon",
        (
            Person("Anna Arendt", "anna@initech.example", "admin"),
            Person("Moritz Maier", "moritz@initech.example", "maintainer"),
            Person("Valerie Veit", "valerie@initech.example", "viewer"),
            Person("Carla Consult", _CONSULTANT, "viewer"),
        ),
        (Account("ci", "viewer"), Account("dashboards", "viewer"), Account("release-notes", "maintainer")),
        "second-office@initech.example",
        "mistyped@initech.exmaple",
        60,
    ),
)
