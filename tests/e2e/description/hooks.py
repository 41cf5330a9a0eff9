"""What a client does of itself, and a generator of requests does not know: it takes a new idempotency key for each request."""

from __future__ import annotations

import re
import uuid
from typing import Any

import schemathesis
from hypothesis import strategies as st

from headworks.kernel.web.once import KEY
from headworks.kernel.web.tags import TAG

_HEADER = "Idempotency-Key"

schemathesis.openapi.format("entity-tag", st.just("*") | st.from_regex(TAG, fullmatch=True))


@schemathesis.hook
def before_call(_context: object, case: Any, _kwargs: dict[str, Any]) -> None:  # noqa: ANN401 - of a package without types
    """A key that could be one becomes one that nobody used; requests that are wrong on purpose stay what they are."""
    if case.meta is not None and case.meta.generation.mode.is_negative:
        return
    if re.fullmatch(KEY, str((case.headers or {}).get(_HEADER, ""))):
        case.headers[_HEADER] = f'"{uuid.uuid4()}"'
