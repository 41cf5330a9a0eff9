"""What of SCIM's users and groups we keep (RFC 7643, section 4): what decides something here, and what tells people apart.

A directory may say more, such as telephone numbers or a password. It is taken without complaint and thrown away.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from scim2_models import (
    URN,
    AnyExtension,
    CaseExact,
    ComplexAttribute,
    Extension,
    GroupMembership,
    Mutability,
    Name,
    Reference,
    Required,
    Resource,
    Uniqueness,
)

_User = Reference["User"]  # type: ignore[name-defined]


class Email(ComplexAttribute):
    """An address. Which of them the account is found by is `people.address_of`'s to say."""

    value: str | None = None
    """The address."""

    display: str | None = None
    """How it is shown."""

    type: str | None = None
    """Such as work or home."""

    primary: bool | None = None
    """Whether it comes before the others."""


class Person(Resource[AnyExtension]):
    """Somebody who belongs to the organisation."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    """Who they are, unique in the directory; the address of their account too, where there is no other."""

    name: Name | None = None
    """The parts of their name."""

    display_name: str | None = None
    """Their name as it is shown."""

    title: str | None = None
    """What they do, such as Engineer."""

    active: bool | None = None
    """Whether they belong to the organisation; they do unless this says false."""

    emails: list[Email] | None = None
    """Their addresses. The primary one, else the one for work, else the first is that of their account."""

    groups: Annotated[list[GroupMembership] | None, Mutability.read_only] = None
    """The groups that they are in; changed at the groups."""


class DescribedEmail(Email):
    """An address, as `/Schemas` describes it."""

    value: Annotated[str | None, Required.true] = None
    """The address."""


class DescribedPerson(Person[AnyExtension]):
    """Somebody, as `/Schemas` describes them: whoever keeps to it always has an address.

    Where a directory has none to send, a user name that is an address does as well: then nobody is refused.
    """

    emails: Annotated[list[DescribedEmail] | None, Required.true] = None  # type: ignore[assignment]
    """Their addresses. The primary one, else the one for work, else the first is that of their account."""


class Enterprise(Extension):
    """Where they belong in the company."""

    __schema__ = URN("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")

    employee_number: str | None = None
    """The company's number of them."""

    cost_center: str | None = None
    """Whom they are charged to."""

    organization: str | None = None
    """The company, or a part of it."""

    division: str | None = None
    """A part of it."""

    department: str | None = None
    """A part of that."""


class Member(ComplexAttribute):
    """Somebody in a group."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    """The id of a user. Groups in groups are not taken: directories send the people of both."""

    ref: Annotated[_User | None, Mutability.immutable] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    """Where the user is."""

    type: Annotated[str | None, Mutability.immutable] = Field(None, examples=["User"])
    """Always User."""


class Group(Resource[Any]):
    """Some of the organisation's people. An admin says what belonging to it gives."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true] = None
    """What it is called."""

    members: list[Member] | None = None
    """Who is in it."""
