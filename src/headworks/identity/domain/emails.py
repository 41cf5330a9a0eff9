"""Email addresses: shown as they were typed, found whatever their case."""

from __future__ import annotations

import re
import unicodedata

from headworks.kernel.errors import Invalid

_MOST = 254
"""RFC 5321, section 4.5.3.1.3, less the angle brackets."""
_SHAPE = re.compile(r"[^\s@\"(),:;<>\[\\\]]{1,64}@[^\s@\"(),:;<>\[\\\]/]{1,253}")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def check_email(text: str, field: str = "email") -> str:
    """The address in NFC without outer spaces; letters of every script are taken. Raises Invalid."""
    address = unicodedata.normalize("NFC", text).strip()
    if max(len(address), len(email_key(address))) > _MOST:
        raise Invalid.field(field, "too_long", f"is too long; at most {_MOST} characters are allowed")
    if any(unicodedata.category(character) in _UNSEEN for character in address):
        raise Invalid.field(field, "unprintable", "holds a control or invisible character; remove it")
    if not _SHAPE.fullmatch(address):
        raise Invalid.field(field, "malformed", "must be one email address, such as ada@example.org")
    return address


def email_key(address: str) -> str:
    """What an address is found by."""
    return unicodedata.normalize("NFC", address.casefold())
