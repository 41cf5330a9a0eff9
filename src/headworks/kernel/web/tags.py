"""Entity tags: who changes a thing says which version of it they saw, and who reads it again may hear "not modified".

A tag is `"VERSION.MARK.DIGEST"`: the row's version, a mark of its id, and a digest of all that was shown. `If-Match` looks at the
first two, so that a key which was merely used since can still be edited; `If-None-Match` looks at all three.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, Header, Request, Response

from headworks.kernel.errors import HeadworksError, Invalid
from headworks.kernel.versions import Editing
from headworks.kernel.web.models import ResponseModel
from headworks.kernel.web.provision import provision

if TYPE_CHECKING:
    from headworks.kernel.errors import Stale

TAG: Final = '"[0-9]{1,10}[.][0-9a-f]{12}([.][0-9a-f]{16})?"'
"""What our tags look like; the digest may be left out in `If-Match`."""

_OURS = re.compile(r'"(?P<version>\d{1,10})\.(?P<mark>[0-9a-f]{12})(?:\.[0-9a-f]{16})?"', re.ASCII)
_ANY = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_SHOWN = "headworks.shown"
_MEANT = "headworks.meant"
_NEVER = 0
"""No row has this version: versions count from 1."""
_CREATED = 201
_NOT_MODIFIED = 304


class Versioned(ResponseModel):
    """A thing with an id that counts its changes. Shown alone it brings its `ETag`, and its `Location` when it was made."""

    id: str
    version: int
    """Counts its changes; the `ETag` is made of it."""


class PreconditionRequired(HeadworksError):
    """This installation lets nobody change what they have not seen."""

    code = "precondition_required"
    status = 428
    title = "If-Match is needed"


@dataclass(frozen=True, slots=True)
class _Shown:
    id: str
    tag: str


class Precondition:
    """What the caller saw of the thing that they are about to change."""

    def __init__(self, request: Request, version: int | None, mark: str | None) -> None:
        self._request = request
        self._version = version
        self._mark = mark

    def expects(self, resource_id: str) -> int | None:
        """The version that the thing with this id must have, None for any: hand it to the use case as `expected_version`.

        What was seen of another thing, such as one that had the same name, fits no version.
        """
        self._request.scope[_MEANT] = resource_id
        if self._mark is None:
            return self._version
        return self._version if self._mark == _mark(resource_id) else _NEVER


async def _precondition(
    request: Request,
    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match",
            description="The `ETag` that was read: 412 when it was changed since. `*` for whatever is there.",
            json_schema_extra={"pattern": f"^([*]|{TAG})$", "minLength": 1, "format": "entity-tag"},
        ),
    ] = None,
) -> Precondition:
    if if_match is None:
        if _editing(request).if_match_required:
            raise PreconditionRequired(
                "Say what you saw: send the thing's `ETag` as the header `If-Match`, or `*` to change whatever is there."
            )
        return Precondition(request, None, None)
    if if_match.strip() == "*":
        return Precondition(request, None, None)
    several = len(request.headers.getlist("if-match")) > 1
    if not several and (found := _OURS.fullmatch(if_match.strip())):
        return Precondition(request, int(found["version"]), found["mark"])
    if not several and _ANY.fullmatch(if_match.strip()):
        # A tag that is not ours, or a weak one: right in itself, and of nothing that is here.
        return Precondition(request, _NEVER, None)
    raise Invalid.field("header.if-match", "malformed", 'must be one entity tag, such as "3.0a1b2c3d4e5f", or *')


IfMatch = Annotated[Precondition, Depends(_precondition)]
"""A parameter of every route that changes or removes a thing."""


def is_precondition(call: object) -> bool:
    """Whether a route's dependency is that of `IfMatch`."""
    return call is _precondition


def note_shown(request: Request, data: object) -> None:
    """Remember what the answer shows, for its headers."""
    if isinstance(data, Versioned):
        digest = hashlib.sha256(data.model_dump_json().encode()).hexdigest()[:16]
        request.scope[_SHOWN] = _Shown(data.id, f'"{data.version}.{_mark(data.id)}.{digest}"')


def shown_headers(request: Request, status: int) -> dict[str, str]:
    """The headers of an answer that shows one thing; none for any other answer."""
    shown: _Shown | None = request.scope.get(_SHOWN)
    if shown is None:
        return {}
    return {"etag": shown.tag} | ({"location": _place_of(request, shown.id)} if status == _CREATED else {})


def _place_of(request: Request, its_id: str) -> str:
    """Where a thing that was made is. What the query said of it still has to be said."""
    query = request.scope["query_string"].decode("latin-1")
    return f"{request.scope['path'].rstrip('/')}/{its_id}{f'?{query}' if query else ''}"


def unmodified(request: Request) -> Response | None:
    """The answer to `If-None-Match`, where what would be shown is what the caller has."""
    shown: _Shown | None = request.scope.get(_SHOWN)
    known = ",".join(request.headers.getlist("if-none-match"))
    if shown is None or not known:
        return None
    tags = {tag.removeprefix("W/") for tag in _ANY.findall(known)}
    if known.strip() == "*" or shown.tag in tags:
        return Response(status_code=_NOT_MODIFIED, headers={"etag": shown.tag})
    return None


def current_tag(request: Request, error: Stale) -> dict[str, str]:
    """The `ETag` of what is there, for who saw an earlier one."""
    meant: str | None = request.scope.get(_MEANT)
    if meant is None or error.current is None:
        return {}
    return {"etag": f'"{error.current}.{_mark(meant)}"'}


def _mark(resource_id: str) -> str:
    return hashlib.sha256(resource_id.encode()).hexdigest()[:12]


def _editing(request: Request) -> Editing:
    try:
        found = provision(request, Editing)
    except LookupError:
        return Editing()
    return found if isinstance(found, Editing) else Editing()
