"""How requests travel: whoever uses the client brings this, with a connection, a key, and errors of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping


class Transport(Protocol):
    """Sends one request."""

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        header: Mapping[str, Any] | None = None,
        body: object = None,
    ) -> Any:  # noqa: ANN401 - JSON
        """The JSON of a good answer, and nothing where it has no body. `path` is below `/api/v1`; what is None is left out."""


def filled(path: str, *values: str, slashes: bool = False) -> str:
    """`/keys/{key_id}` with the values in their places; with `slashes` they may be several segments."""
    for value in values:
        before, _, rest = path.partition("{")
        path = f"{before}{quote(value, safe='/:@+,' if slashes else ':@+,')}{rest.partition('}')[2]}"
    return path
