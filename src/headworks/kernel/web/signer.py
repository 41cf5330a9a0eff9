"""Who signed a request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.datastructures import Headers

SIGNER_HEADER: Final = "x-headworks-signer"
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


def signer(headers: Headers) -> str | None:
    """By the engine's word, which has verified the signature and the body, and drops what callers say in this header.

    It is what identity knows the signing key by; None for a request that nobody signed.
    """
    said = headers.get(SIGNER_HEADER, "")
    return said if _HASH.fullmatch(said) else None
