"""The shape of every good answer: `data`, `meta`, and `links` for lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import parse_qsl, quote, urlencode

from headworks.kernel.clock import now
from headworks.kernel.sorting import encode_cursor
from headworks.kernel.web.middleware import request_id_of
from headworks.kernel.web.models import ResponseModel, Timestamp
from headworks.kernel.web.once import note_answer
from headworks.kernel.web.tags import note_shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request

    from headworks.kernel.pagination import CursorPage, Page

T = TypeVar("T")


class Meta(ResponseModel):
    """About the answer."""

    request_id: str
    timestamp: Timestamp


class PageMeta(Meta):
    """About one page of a list."""

    page: int
    per_page: int
    total: int
    total_pages: int


class LargePageMeta(Meta):
    """About one page of a list that may be gone through by cursor."""

    page: int | None
    """Null where a cursor says what is shown."""
    per_page: int
    total: int
    total_pages: int


class Links(ResponseModel):
    """Where to go from here, relative to the server; null where there is nothing."""

    self: str
    next: str | None = None
    prev: str | None = None


class Envelope(ResponseModel, Generic[T]):
    """One thing."""

    data: T
    meta: Meta


class PageEnvelope(ResponseModel, Generic[T]):
    """One page of things."""

    data: list[T]
    meta: PageMeta
    links: Links


class LargePageEnvelope(ResponseModel, Generic[T]):
    """One page of things that may be many; `links.next` goes on by cursor."""

    data: list[T]
    meta: LargePageMeta
    links: Links


class CursorEnvelope(ResponseModel, Generic[T]):
    """A stretch of an endless list; `links.next` is null at its end."""

    data: list[T]
    meta: Meta
    links: Links


def envelope(data: T, request: Request) -> Envelope[T]:
    """Wrap one thing. In a route that takes POST: before its transaction ends, which keeps the answer with the change."""
    note_shown(request, data)
    answer = Envelope(data=data, meta=Meta(request_id=request_id_of(request), timestamp=now()))
    note_answer(request, answer)
    return answer


def page_envelope(page: Page[T], request: Request) -> PageEnvelope[T]:
    """Wrap a page; the links repeat the request's own query."""
    at = page.request.page
    meta = PageMeta(
        request_id=request_id_of(request),
        timestamp=now(),
        page=at,
        per_page=page.request.per_page,
        total=page.total,
        total_pages=page.total_pages,
    )
    links = Links(
        self=_link(request, {}),
        next=_link(request, {"page": at + 1}) if at < page.total_pages else None,
        prev=_link(request, {"page": at - 1}) if at > 1 else None,
    )
    return PageEnvelope(data=list(page.items), meta=meta, links=links)


def large_page_envelope(page: Page[T], request: Request) -> LargePageEnvelope[T]:
    """Wrap a page; to go on costs the same at the end of the list as at its beginning."""
    asked = page.request
    at = None if asked.after is not None else asked.page
    meta = LargePageMeta(
        request_id=request_id_of(request),
        timestamp=now(),
        page=at,
        per_page=asked.per_page,
        total=page.total,
        total_pages=page.total_pages,
    )
    following = None if page.last is None else encode_cursor(asked.sort, page.last)
    links = Links(
        self=_link(request, {}),
        next=None if following is None else _link(request, {"cursor": following, "page": None}),
        prev=_link(request, {"page": at - 1}) if at is not None and at > 1 else None,
    )
    return LargePageEnvelope(data=list(page.items), meta=meta, links=links)


def cursor_envelope(page: CursorPage[T], request: Request) -> CursorEnvelope[T]:
    """Wrap a stretch."""
    following = None if page.next_cursor is None else _link(request, {"cursor": page.next_cursor})
    return CursorEnvelope(
        data=list(page.items),
        meta=Meta(request_id=request_id_of(request), timestamp=now()),
        links=Links(self=_link(request, {}), next=following),
    )


def _link(request: Request, changes: Mapping[str, object]) -> str:
    """The request's own path and query, changed. From the scope: `request.url` would trust the Host header."""
    query = dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True))
    query.update({name: str(value) for name, value in changes.items()})
    query = {name: value for name, value in query.items() if changes.get(name, value) is not None}
    return f"{quote(request.scope['path'])}?{urlencode(query)}" if query else quote(request.scope["path"])
