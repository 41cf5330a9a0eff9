"""Lists of the catalog are short: they are read whole and shown by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from headworks.kernel.pagination import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headworks.kernel.pagination import PageRequest

T = TypeVar("T")


def page_of(items: Sequence[T], request: PageRequest) -> Page[T]:
    """The page that was asked for; empty beyond the end."""
    return Page(items[request.offset : request.offset + request.per_page], len(items), request)
