"""Lists of the catalog are short: they are read whole, sorted, and shown by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from headworks.kernel.pagination import Page
from headworks.kernel.sorting import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from headworks.kernel.pagination import PageRequest

T = TypeVar("T")


def page_of(items: Iterable[T], request: PageRequest, value: Callable[[T, str], Any] = getattr) -> Page[T]:
    """The page that was asked for; empty beyond the end. `value` gives an item's field that is sorted by."""
    found = in_order(items, request.sort, value)
    return Page(found[request.offset : request.offset + request.per_page], len(found), request)
