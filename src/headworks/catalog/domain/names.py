"""What providers, aliases and upstream models may be called, and how names are taken apart."""

from __future__ import annotations

import re
import unicodedata

from headworks.kernel.errors import Invalid

MODEL_NAME_BYTES = 256
"""The longest model name that the engine reads from a request."""
PROVIDER_NAME_LENGTH = 63
UPSTREAM_MODEL_BYTES = MODEL_NAME_BYTES - PROVIDER_NAME_LENGTH - 1
"""So that `provider/model` always fits."""

_PROVIDER_NAME = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{PROVIDER_NAME_LENGTH - 1}}}")
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*")
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def provider_name(text: str, field: str = "name") -> str:
    """A name such as `openai` or `gpu-rack-2`. Raises Invalid."""
    if _PROVIDER_NAME.fullmatch(text):
        return text
    raise Invalid.field(
        field,
        "malformed_name",
        f"must have 1 to {PROVIDER_NAME_LENGTH} lower-case letters, digits, '.', '_' or '-', "
        "and begin with a letter or digit; for example openai or gpu-rack-2",
    )


def alias(text: str, field: str = "alias") -> str:
    """A model's name for callers: ASCII, so that no look-alike can pose as another. Raises Invalid."""
    if len(text) <= MODEL_NAME_BYTES and _ALIAS.fullmatch(text):
        return text
    raise Invalid.field(
        field,
        "malformed_name",
        f"must have 1 to {MODEL_NAME_BYTES} of the characters A-Z a-z 0-9 . _ : / @ + -, "
        "and begin with a letter or digit; for example fast or team/summaries",
    )


def upstream_model(text: str, field: str = "upstream_model") -> str:
    """A model's name as its provider spells it. Raises Invalid."""
    if text.strip() != text or not text:
        raise Invalid.field(field, "malformed_name", "must not be empty, nor have spaces around it")
    if any(unicodedata.category(character) in _UNPRINTABLE for character in text):
        raise Invalid.field(field, "malformed_name", "holds a control or invisible character; remove it")
    if len(text.encode()) > UPSTREAM_MODEL_BYTES:
        raise Invalid.field(field, "too_long", f"must have at most {UPSTREAM_MODEL_BYTES} bytes")
    return text


def qualified(provider: str, model: str) -> str:
    """The name under which any deployment can be called."""
    return f"{provider}/{model}"
