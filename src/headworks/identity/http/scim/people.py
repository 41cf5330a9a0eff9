"""Users between SCIM's form and what is kept."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from scim2_models import InvalidValueException, Meta

from headworks.identity.commands.directory_people import PersonWish
from headworks.identity.domain.directory import account_name
from headworks.identity.domain.emails import check_email
from headworks.identity.http.scim.service import PERSON
from headworks.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from headworks.identity.contracts import DirectoryGroup, DirectoryPerson
    from headworks.identity.http.scim.models import Person

NAME: Final = "User"
_OURS = frozenset({"id", "meta", "schemas", "groups"})
"""What is kept beside the document, or made anew."""


def shown_person(person: DirectoryPerson, groups: Sequence[DirectoryGroup]) -> Any:  # noqa: ANN401 - a model with an extension
    """As a directory reads them, but for locations, which the service knows."""
    found = PERSON.model_validate(json.loads(person.document))
    found.id = person.id
    found.groups = [{"value": one.id, "ref": f"Groups/{one.id}", "display": one.name} for one in groups] or None
    found.meta = Meta(
        resource_type=NAME,
        created=person.created_at,
        last_modified=person.changed_at,
        version=version_of(person, groups),
    )
    return found


def version_of(person: DirectoryPerson, groups: Sequence[DirectoryGroup]) -> str:
    """Changes with them and with the groups that are shown of them."""
    shown = "\n".join(f"{one.id} {one.name}" for one in groups)
    return f'W/"{person.version}.{hashlib.sha256(shown.encode()).hexdigest()[:12]}"'


def wish_of(person: Person[Any]) -> PersonWish:
    """What a directory wants somebody to be. Raises InvalidValueException."""
    document = person.model_dump()
    email = address_of(person)
    whole = person.name
    parts = () if whole is None else (whole.formatted, " ".join(filter(None, (whole.given_name, whole.family_name))))
    return PersonWish(
        user_name=person.user_name or "",
        email=email,
        name=account_name((person.display_name, *parts), email),
        external_id=person.external_id,
        is_active=person.active is not False,
        document=json.dumps({name: value for name, value in document.items() if name not in _OURS}),
    )


def address_of(person: Person[Any]) -> str:
    """The address of their account: the primary one, else the one for work, else the first, else the user name."""
    for candidate in _candidates(person):
        try:
            return check_email(candidate)
        except Invalid:
            continue
    raise InvalidValueException(detail="An email address is needed, in `emails` or as the `userName`; none was found.")


def _candidates(person: Person[Any]) -> Iterator[str]:
    emails = [one for one in person.emails or [] if one.value]
    yield from (one.value or "" for one in emails if one.primary)
    yield from (one.value or "" for one in emails if (one.type or "").lower() == "work")
    yield from (one.value or "" for one in emails)
    yield person.user_name or ""
