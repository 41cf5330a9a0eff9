"""Query parameters of lists."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from headworks.kernel.pagination import MOST_PER_PAGE, PER_PAGE, PageRequest

_LAST_PAGE = 1_000_000


async def _page_request(
    page: Annotated[int, Query(ge=1, le=_LAST_PAGE, description="Which page, from 1.")] = 1,
    per_page: Annotated[int, Query(ge=1, le=MOST_PER_PAGE, description="Items a page.")] = PER_PAGE,
) -> PageRequest:
    return PageRequest(page, per_page)


PageQuery = Annotated[PageRequest, Depends(_page_request)]
"""A route's parameter for lists by page."""


class CursorRequest:
    """Where to go on, and how far."""

    def __init__(
        self,
        cursor: Annotated[str | None, Query(max_length=1024, description="From `links.next`.")] = None,
        per_page: Annotated[int, Query(ge=1, le=MOST_PER_PAGE, description="Items at once.")] = PER_PAGE,
    ) -> None:
        self.cursor = cursor
        self.per_page = per_page


CursorQuery = Annotated[CursorRequest, Depends()]
"""A route's parameter for lists by cursor."""
