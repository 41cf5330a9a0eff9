"""What is known of a directory's people by their names, and the secret that a directory proves itself by."""

from __future__ import annotations

import secrets
import string
import unicodedata
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from headworks.identity.domain.keys import checksum, hash_key
from headworks.kernel.errors import Invalid
from headworks.kernel.secrets import Secret
from headworks.kernel.text import NAME_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headworks.identity.contracts import Directory, DirectoryGroup, DirectoryPerson, Role

TOKEN_PREFIX: Final = "hw_dt_"  # noqa: S105 - what tokens begin with
USED_AGAIN: Final = timedelta(minutes=1)
"""How exactly the last use of a token is kept."""
USER_NAME_LENGTH: Final = 254
EXTERNAL_ID_LENGTH: Final = 256
GROUP_NAME_LENGTH: Final = 256
_ALPHABET = string.digits + string.ascii_letters
_RANDOM_LENGTH = 32
"""190 bits: nobody guesses one, so a plain SHA-256 keeps it well enough."""
_CHECKSUM_LENGTH = 6
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def generate_directory_token() -> Secret:
    """Such as `hw_dt_…`: 32 random characters and a checksum, as keys have them."""
    body = TOKEN_PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    return Secret(body + checksum(body))


def is_directory_token(token: str) -> bool:
    """Whether it is meant to be one."""
    return token.startswith(TOKEN_PREFIX)


def is_well_formed(token: str) -> bool:
    """Whether it could be one that we made: another one is not looked up."""
    whole = len(TOKEN_PREFIX) + _RANDOM_LENGTH + _CHECKSUM_LENGTH
    return len(token) == whole and token.isascii() and checksum(token[:-_CHECKSUM_LENGTH]) == token[-_CHECKSUM_LENGTH:]


def hash_directory_token(token: str) -> str:
    """SHA-256, hex: all that is stored, and all that reaches SQL."""
    return hash_key(token)


def directory_key(name: str) -> str:
    """What two names share that a directory holds to be the same: NFC and small letters (RFC 7643, section 2.2)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).lower())


def check_text(field: str, text: str, longest: int) -> str:
    """A name that the directory gave. Raises Invalid when it is empty, too long, or holds what does not show."""
    if not text.strip():
        raise Invalid.field(field, "empty", "must not be empty")
    if max(len(text), len(directory_key(text))) > longest:
        raise Invalid.field(field, "too_long", f"is too long; at most {longest} characters are allowed")
    if not is_plain(text):
        raise Invalid.field(field, "unprintable", "holds a control or invisible character; remove it")
    return text


def is_plain(text: str) -> bool:
    """Whether all of it shows; what does not is in no name that is kept."""
    return not any(unicodedata.category(character) in _UNSEEN for character in text)


def account_name(candidates: Iterable[str | None], email: str) -> str:
    """What a new account is called: the first name that shows, or the address's first part.

    A long or odd name keeps nobody from coming in: what does not show is left out, and what is too long is cut.
    """
    for candidate in (*candidates, email.partition("@")[0]):
        shown = "".join(one for one in unicodedata.normalize("NFC", candidate or "") if is_plain(one)).strip()
        if shown:
            return shown[:NAME_LENGTH].strip()
    return "?"


def role_of(person: DirectoryPerson, groups: Iterable[DirectoryGroup], directory: Directory) -> Role:
    """What they are in the organisation: the highest of what their groups, the default and people gave them."""
    given: list[Role] = [group.role for group in groups if group.role is not None]
    return highest([directory.default_role, *given, *([person.own_role] if person.own_role is not None else [])])


def highest(roles: Iterable[Role]) -> Role:
    """The one that may do the most."""
    order: tuple[Role, ...] = ("admin", "maintainer", "viewer")
    return min(roles, key=order.index)
