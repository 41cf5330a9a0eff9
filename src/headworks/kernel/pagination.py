"""Pages of a list: by number for small collections, by cursor for those that grow without end."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from headworks.kernel.errors import Invalid
from headworks.kernel.sorting import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from headworks.kernel.sorting import Position, Sort

T = TypeVar("T")
U = TypeVar("U")

PER_PAGE = 50
MOST_PER_PAGE = 200


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page, counted from 1, of how many items."""

    page: int = 1
    per_page: int = PER_PAGE
    sort: Sort = ()
    """Empty for the order that the list has by itself."""
    after: Position | None = None
    """Go on after this place, whatever `page` says."""

    @property
    def offset(self) -> int:
        """How many items come before the page."""
        return 0 if self.after is not None else (self.page - 1) * self.per_page


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page, and the size of the whole."""

    items: Sequence[T]
    total: int
    request: PageRequest
    last: Position | None = None
    """Where the next page begins, in lists that can be gone through by cursor; None at the end."""

    @property
    def total_pages(self) -> int:
        """How many pages there are; none when there is nothing."""
        return -(-self.total // self.request.per_page)

    def map(self, change: Callable[[T], U]) -> Page[U]:
        """The same page of other values."""
        return Page([change(item) for item in self.items], self.total, self.request, self.last)


def page_of(items: Iterable[T], request: PageRequest, value: Callable[[T, str], Any] = getattr) -> Page[T]:
    """A page of a list that is short enough to be read whole; empty beyond the end.

    `value` gives the field of an item that is sorted by.
    """
    found = in_order(items, request.sort, value)
    return Page(found[request.offset : request.offset + request.per_page], len(found), request)


@dataclass(frozen=True, slots=True)
class CursorPage(Generic[T]):
    """A stretch of an endless list; `next_cursor` is None at its end."""

    items: Sequence[T]
    next_cursor: str | None

    def map(self, change: Callable[[T], U]) -> CursorPage[U]:
        """The same stretch of other values."""
        return CursorPage([change(item) for item in self.items], self.next_cursor)


def encode_cursor(*values: str | int) -> str:
    """The sort values of the last item shown, as text that says nothing to callers."""
    return base64.urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *kinds: type[str | int]) -> tuple[str | int, ...]:
    """Read what `encode_cursor` wrote. Raises Invalid when it is not of these kinds."""
    try:
        values = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or [type(value) for value in values] != list(kinds):
        raise Invalid.field("query.cursor", "malformed", "is not a cursor of this list; take it from `links.next`")
    return tuple(values)
