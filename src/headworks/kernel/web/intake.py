"""What is looked at before a body is read: the query's names, the media type that was sent, and the one that is wanted back.

Only under `/api/`: probes and browsers send what they like to the other routes.
"""

from __future__ import annotations

import email.message
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin
from urllib.parse import parse_qsl

from pydantic import BaseModel

from headworks.kernel.errors import FieldProblem, Invalid
from headworks.kernel.text import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import Request
    from fastapi.dependencies.models import Dependant

JSON: Final = "application/json"
_OURS: Final = (JSON, "application/*", "*/*")
_API: Final = "/api/"


class UnsupportedMediaType(Invalid):
    """The body is of a kind that we do not read."""

    code = "unsupported_media_type"
    status = 415
    title = "The body must be JSON"


class NotAcceptable(Invalid):
    """The caller takes no kind of answer that we give."""

    code = "not_acceptable"
    status = 406
    title = "The answer would be JSON"


@dataclass(frozen=True, slots=True)
class Intake:
    """What one route takes."""

    query: frozenset[str]
    lists: frozenset[str]
    """Parameters that may be there more than once."""
    has_body: bool
    gives_json: bool
    any_query: bool
    """Whether others add parameters of their own, which are passed over."""

    def check(self, request: Request) -> None:
        """Raises Invalid, NotAcceptable, UnsupportedMediaType."""
        if not request.scope["path"].startswith(_API):
            return
        self._check_query(request)
        if self.gives_json:
            _check_accept(request)
        if self.has_body:
            _check_media_type(request)

    def _check_query(self, request: Request) -> None:
        text = request.scope["query_string"].decode("latin-1")
        names = [name for name, _ in parse_qsl(text, keep_blank_values=True, errors="replace")]
        problems = [_unknown(name, self.query) for name in dict.fromkeys(names) if name not in self.query]
        problems = [] if self.any_query else problems
        problems += [
            FieldProblem(f"query.{name}", "repeated", "is there more than once; send it once")
            for name in sorted(self.query - self.lists)
            if names.count(name) > 1
        ]
        if problems:
            raise Invalid("; ".join(f"{one.field}: {one.message}" for one in problems[:3]), details=problems)


def intake_of(dependant: Dependant, *, has_body: bool, gives_json: bool, any_query: bool = False) -> Intake:
    """What a route takes, by what it depends on."""
    parameters = dict(_parameters(dependant))
    lists = frozenset(name for name, kind in parameters.items() if _is_list(kind))
    return Intake(frozenset(parameters), lists, has_body, gives_json, any_query)


def _parameters(dependant: Dependant) -> Iterator[tuple[str, Any]]:
    for inner in dependant.dependencies:
        yield from _parameters(inner)
    for field in dependant.query_params:
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from ((inner.alias or name, inner.annotation) for name, inner in kind.model_fields.items())
        else:
            yield field.alias, kind


def _is_list(kind: Any) -> bool:  # noqa: ANN401 - an annotation
    return get_origin(kind) is list or any(get_origin(choice) is list for choice in get_args(kind))


def _unknown(name: str, known: frozenset[str]) -> FieldProblem:
    near = nearest(name, known, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    there = f"there are {', '.join(sorted(known))}" if known else "this route has none"
    return FieldProblem(f"query.{name}", "unknown_parameter", f"is not a known parameter{hint or f'; {there}'}")


def _check_accept(request: Request) -> None:
    ranges = [part for value in request.headers.getlist("accept") for part in value.split(",") if part.strip()]
    if ranges and not any(_admits(part) for part in ranges):
        raise NotAcceptable("Answers here are application/json; send that, or nothing, as the header Accept.")


def _admits(media_range: str) -> bool:
    kind, *parameters = (part.strip().lower() for part in media_range.split(";"))
    weights = [parameter[2:] for parameter in parameters if parameter.startswith("q=")]
    return kind in _OURS and not any(weight.strip("0.") == "" for weight in weights)


def _check_media_type(request: Request) -> None:
    if request.headers.get("content-length", "") in ("", "0") and "transfer-encoding" not in request.headers:
        return
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType("The body is compressed; send it as it is.")
    sent = email.message.Message()
    sent["content-type"] = request.headers.get("content-type", "")
    kind = sent.get_content_type() if request.headers.get("content-type") else ""
    charset = sent.get_content_charset("utf-8")
    if (kind != JSON and not (kind.startswith("application/") and kind.endswith("+json"))) or charset != "utf-8":
        raise UnsupportedMediaType(
            "Bodies here are JSON in UTF-8; send it with the header Content-Type: application/json."
        )
