"""What a password may be. It is hashed with bcrypt, which sees 72 bytes at most: longer ones are refused, never cut."""

from __future__ import annotations

import secrets
import unicodedata
from typing import Final

from headworks.identity.domain.common import is_common
from headworks.kernel.errors import Invalid
from headworks.kernel.secrets import Secret

FEWEST_CHARACTERS: Final = 10
MOST_BYTES: Final = 72
"""bcrypt's own limit, on the UTF-8 form."""

_UNTYPED = frozenset({"Cc", "Cs", "Cn"})
"""Unicode categories that nobody types: controls, surrogates, unassigned."""
_SHORTEST_NAME = 4
_READABLE = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without what is mistaken for something else when it is read from a screen."""
_GROUPS, _GROUP_LENGTH = 5, 5


def normal(password: str) -> str:
    """The form that is hashed: NFC, so that the same characters are the same password on every keyboard."""
    return unicodedata.normalize("NFC", password)


def fits(password: str) -> bool:
    """Whether bcrypt takes all of it."""
    return len(password.encode(errors="replace")) <= MOST_BYTES


def checked_password(field: str, password: Secret, email: str) -> Secret:
    """A new password for the account of `email`, in its normal form. Raises Invalid for `field`."""
    text = normal(password.reveal())
    if any(unicodedata.category(character) in _UNTYPED for character in text):
        raise Invalid.field(field, "unprintable", "holds a control character; use letters, digits, signs and spaces")
    if len(text) < FEWEST_CHARACTERS:
        raise Invalid.field(field, "too_short", f"must have at least {FEWEST_CHARACTERS} characters")
    if not fits(text):
        raise Invalid.field(field, "too_long", f"must not be longer than {MOST_BYTES} bytes; it is never cut")
    name = email.partition("@")[0].casefold()
    if len(name) >= _SHORTEST_NAME and name in text.casefold():
        raise Invalid.field(field, "contains_email", "must not contain the name of your email address")
    if is_common(text):
        raise Invalid.field(
            field, "too_common", "is among the first that anybody guesses; use several unrelated words, or a generator"
        )
    return Secret(text)


def one_time_password() -> Secret:
    """A password that is to be changed at once: 25 characters in groups, 123 bits."""
    groups = ("".join(secrets.choice(_READABLE) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))
    return Secret("-".join(groups))
