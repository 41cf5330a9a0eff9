"""The management API over HTTP: `data` of an answer, or a failure that says what the server said."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from headworks import __version__
from headworks.client import Api
from headworks.entrypoints.cli.failures import Failure, Refused, Unreachable
from headworks.entrypoints.cli.records import Record, number, record, records, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import httpx

    from headworks.client.shapes import Page
    from headworks.entrypoints.cli.server import Server

    Query = Mapping[str, str | int | list[str]]

T = TypeVar("T")

_ONCE = "Idempotency-Key"
_TRIES = 2
_SECONDS = 30.0
_PER_PAGE = 200
_UNAUTHORIZED = 401
_SERVER_ERRORS = 500


class Client:
    """A connection to one server. As a context manager it closes at the end."""

    def __init__(
        self, server: Server, *, seconds: float = _SECONDS, everywhere: Mapping[str, str] | None = None
    ) -> None:
        """`everywhere`: what the query of every operation says as well."""
        import httpx  # noqa: PLC0415 - a quarter of a second that `--help` and `version` save

        self._server = server
        self._errors = httpx
        self._seconds = seconds
        self._everywhere = dict(everywhere or {})
        self._http = httpx.Client(
            headers={
                "user-agent": f"headworks-cli/{__version__}",
                **({"authorization": f"Bearer {server.management_key}"} if server.management_key else {}),
            },
            timeout=seconds,
            # No proxy from the environment: the key goes to this server and to nobody between.
            trust_env=False,
            # The system's certificate store, or that of SSL_CERT_FILE, for a server with a certificate of one's own.
            verify=ssl.create_default_context() if server.origin.startswith("https") else False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def origin(self) -> str:
        """The server that is spoken to."""
        return self._server.origin

    @property
    def api(self) -> Api:
        """Every operation, with its types. Raises Refused, Unreachable."""
        return Api(self)

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        header: Mapping[str, Any] | None = None,
        body: object = None,
    ) -> Any:  # noqa: ANN401 - JSON
        """See `headworks.client.Transport`. Raises Refused, Unreachable.

        An operation that takes an idempotency key gets one, and is sent once more when the connection broke: whether it was
        done the first time or not, it is done once.
        """
        headers = _given(header)
        if header is not None and _ONCE in header:
            headers.setdefault(_ONCE, uuid4().hex)
        answer = self.raw(
            method,
            f"{self._server.api}{path}",
            query={**_given(query), **self._everywhere},
            headers=headers,
            body=body,
            tries=_TRIES if _ONCE in headers else 1,
        )
        document = _document(answer)
        if not answer.is_success:
            raise _failure(answer, document, self._server)
        return {"data": {}, **document}

    def all_of(self, listing: Callable[..., Page[T]], **query: object) -> list[T]:
        """The items of every page of one of `api`'s lists. Raises Refused, Unreachable."""
        items: list[T] = []
        place: dict[str, str | int] | None = {"page": 1}
        while place is not None:
            found = listing(**query, **place, per_page=_PER_PAGE)
            items += found["data"]
            place = _following(found, place)
        return items

    def first_of(self, listing: Callable[..., Page[T]], most: int, **query: object) -> list[T]:
        """At most so many items of one of `api`'s lists that are paged by cursor. Raises Refused, Unreachable."""
        items: list[T] = []
        cursor: str | None = None
        while len(items) < most:
            found = listing(**query, cursor=cursor, per_page=min(_PER_PAGE, most - len(items)))
            items += found["data"]
            cursor = cursor_of(found)
            if cursor is None:
                break
        return items

    def lines(self, path: str, query: Query | None = None, *, method: str = "GET") -> Iterator[str]:
        """The lines of a long answer, as they come. Raises Refused, Unreachable."""
        try:
            with self._http.stream(method, f"{self._server.api}{path}", params=query) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _failure(answer, _document(answer), self._server)
                yield from answer.iter_lines()
        except self._errors.TransportError as error:
            raise Unreachable(
                f"the answer of {self.origin} broke off ({error}).", "What came before is not all of it: try again."
            ) from error

    def pieces(self, path: str, query: Query | None = None) -> Iterator[bytes]:
        """The bytes of a long answer, as they come. Raises Refused, Unreachable."""
        try:
            with self._http.stream("GET", f"{self._server.api}{path}", params=query) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _failure(answer, _document(answer), self._server)
                yield from answer.iter_bytes()
        except self._errors.TransportError as error:
            raise Unreachable(
                f"the answer of {self.origin} broke off ({error}).", "What came before is not all of it: try again."
            ) from error

    def raw(
        self,
        method: str,
        url: str,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        tries: int = 1,
    ) -> httpx.Response:
        """One request to a whole URL, whatever its answer. Raises Unreachable."""
        try:
            return self._http.request(method, url, params=query, headers=headers, json=body)
        except self._errors.TimeoutException as error:
            raise Unreachable(
                f"{self.origin} did not answer within {self._seconds:g} s.", "`headworks doctor` looks for the reason."
            ) from error
        except self._errors.TransportError as error:
            if tries > 1:
                return self.raw(method, url, query=query, headers=headers, body=body, tries=tries - 1)
            raise Unreachable(
                f"nothing answers at {self.origin} ({error}).",
                "Start the server with `headworks up`; if it listens elsewhere, set HEADWORKS_PORT or give --url.",
            ) from error


def cursor_of(answer: Mapping[str, object]) -> str | None:
    """Where a list that is paged by cursor goes on; None at its end."""
    following = text(record(answer.get("links")), "next")
    found = parse_qs(urlsplit(following).query).get("cursor")
    return found[0] if found else None


def _given(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Without what was left out."""
    return {name: value for name, value in (values or {}).items() if value is not None}


def _following(answer: Mapping[str, object], place: Mapping[str, str | int]) -> dict[str, str | int] | None:
    """Where the list goes on: by cursor where the server gives one, else by number; None at its end."""
    if cursor := cursor_of(answer):
        return {"cursor": cursor}
    page = place.get("page")
    if not isinstance(page, int) or page >= number(record(answer.get("meta")), "total_pages"):
        return None
    return {"page": page + 1}


def _document(answer: httpx.Response) -> Record:
    try:
        return record(answer.json())
    except ValueError:
        return {}


def _failure(answer: httpx.Response, document: Record, server: Server) -> Failure:
    origin = server.origin
    error = record(document.get("error"))
    code = text(error, "code")
    message = text(document, "detail") or text(error, "message") or text(document, "title")
    if not message:
        return Unreachable(
            f"{origin} answered {answer.status_code}, and not as Headworks does.",
            "Another program may have that port; `headworks doctor` looks.",
        )
    if answer.status_code == _UNAUTHORIZED:
        if server.is_session or not server.management_key:
            return Refused(message, "" if not server.is_session else "Sign in again: `headworks login`.", code=code)
        return Refused(
            message, "The management key is in credentials.json of the data folder; see HEADWORKS_HOME.", code=code
        )
    request_id = text(record(document.get("meta")), "request_id")
    hint = f"The log has more, under request {request_id}." if request_id and _is_ours(answer) else ""
    if code == "stale_version":
        hint = "Somebody else changed it at this moment: look at it, and give the command again."
    if code == "password_change_required":
        hint = "Choose one with `headworks password`."
    return Refused("\n  ".join([message, *_details(message, error)]), hint, code=code)


def _is_ours(answer: httpx.Response) -> bool:
    """Whether the fault is the server's own, so that its log is worth reading."""
    return answer.status_code >= _SERVER_ERRORS


def _details(message: str, error: Record) -> list[str]:
    """What is wrong with each field, where the message does not say it already."""
    lines = [f"{text(item, 'field')}: {text(item, 'message')}" for item in records(error.get("details"))]
    return [line for line in lines if line not in message]
