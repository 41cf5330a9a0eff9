"""Query parameters of lists: which page, in which order, and where to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Query

from headworks.kernel.errors import Invalid
from headworks.kernel.pagination import MOST_PER_PAGE, PER_PAGE, PageRequest
from headworks.kernel.sorting import decode_cursor, parse_sort

if TYPE_CHECKING:
    from fastapi.params import Depends as Dependency

_LAST_PAGE = 1_000_000
_LONGEST_SORT = 128
_LONGEST_CURSOR = 2048


async def _page_request(
    page: Annotated[int, Query(ge=1, le=_LAST_PAGE, description="Which page, from 1.")] = 1,
    per_page: Annotated[int, Query(ge=1, le=MOST_PER_PAGE, description="Items a page.")] = PER_PAGE,
) -> PageRequest:
    return PageRequest(page, per_page)


PageQuery = Annotated[PageRequest, Depends(_page_request)]
"""A route's parameter for lists by page that have one order."""


def paged(default: str, **kinds: type) -> Dependency:
    """For lists by page that can be sorted by these fields, each str, int, bool or datetime.

    As in `paging: Annotated[PageRequest, paged("name", name=str, created_at=datetime)]`.
    """

    # The descriptions are made here, where FastAPI does not look for annotations: hence defaults.
    async def request(
        page: int = Query(1, ge=1, le=_LAST_PAGE, description="Which page, from 1."),
        per_page: int = Query(PER_PAGE, ge=1, le=MOST_PER_PAGE, description="Items a page."),
        sort: str = _sort_query(default, kinds),
    ) -> PageRequest:
        return PageRequest(page, per_page, parse_sort(sort, kinds))

    dependency: Dependency = Depends(request)
    return dependency


def paged_or_by_cursor(default: str, **kinds: type) -> Dependency:
    """As `paged`, for lists that may grow large: `links.next` goes on after the last item, however much comes before it."""

    async def request(
        page: int | None = Query(None, ge=1, le=_LAST_PAGE, description="Which page, from 1. Not with `cursor`."),
        per_page: int = Query(PER_PAGE, ge=1, le=MOST_PER_PAGE, description="Items a page."),
        sort: str = _sort_query(default, kinds),
        cursor: str | None = Query(
            None, max_length=_LONGEST_CURSOR, description="Where to go on, from `links.next`. It fits one `sort`."
        ),
    ) -> PageRequest:
        orders = parse_sort(sort, kinds)
        if cursor is None:
            return PageRequest(page or 1, per_page, orders)
        if page is not None:
            raise Invalid.field("query.page", "contradiction", "cannot go with cursor; send one of them")
        return PageRequest(1, per_page, orders, decode_cursor(cursor, orders, kinds))

    dependency: Dependency = Depends(request)
    return dependency


def _sort_query(default: str, kinds: dict[str, type]) -> str:
    field = "|".join(sorted(kinds))
    known = ", ".join(f"`{name}`" for name in sorted(kinds))
    query: str = Query(
        default,
        max_length=_LONGEST_SORT,
        description=f"By which fields, the first first, with a minus for the reverse: {known}.",
        json_schema_extra={"pattern": f"^-?({field})(,-?({field}))*$"},
    )
    return query


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
