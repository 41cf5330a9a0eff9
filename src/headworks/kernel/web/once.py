"""`Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a POST that is sent again is answered again, and not done again.

Only what succeeded is kept: a request that failed changed nothing, and is tried anew. Within one process the same request is not
even begun twice; between processes the database lets one of them win.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from fastapi import Depends, Request, Response

from headworks.kernel.errors import Invalid
from headworks.kernel.idempotency import Asked, InProgress, KeyReused, Pending, Reply, on_its_way, pending
from headworks.kernel.web.provision import provision
from headworks.kernel.web.tags import shown_headers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi.params import Depends as Dependency
    from pydantic import BaseModel

    from headworks.kernel.idempotency import Replies
    from headworks.kernel.principal import Principal

    Handle = Callable[[Request], Awaitable[Response]]

HEADER: Final = "idempotency-key"
KEY: Final = r'("[\x20\x21\x23-\x7e]{1,255}"|[\x21\x23-\x7e]{1,255})'
"""A string as the draft wants it, or bare, as many clients send it."""

_KEY = re.compile(KEY, re.ASCII)
_STATUS = "headworks.status"
_JSON = "application/json"
_NO_CONTENT = 204


class Once:
    """What keeps requests from being done twice. There is one for a process."""

    def __init__(self, replies: Replies) -> None:
        self._replies = replies
        self._running: set[tuple[str, str]] = set()

    async def answer(self, request: Request, asked: Asked, handle: Handle) -> Response:
        """Handle it, or repeat what was answered. Raises KeyReused, InProgress, AnswerLost, and what `handle` raises."""
        place = (asked.caller, asked.key)
        if place in self._running:
            raise InProgress("The same request is being answered at this moment; ask again for its answer.")
        self._running.add(place)
        try:
            kept = await self._replies.recall(asked)
            if kept is None:
                return await _handled(request, Pending(asked), handle)
        finally:
            self._running.discard(place)
        if kept.fingerprint != asked.fingerprint:
            raise KeyReused(
                "This idempotency key was used for another request within a day. Take a new one for each thing that you do; "
                "to repeat a request, send the same bytes to the same path."
            )
        return _rendered(kept.reply, repeated=True)


class _Repeatable:
    """On a route whose answer is not kept."""

    async def __call__(self) -> None:
        """Nothing: that the route names it is the point."""


def repeatable() -> Dependency:
    """For a POST that does no harm when it is done twice, and whose answer should not lie around: `dependencies=[repeatable()]`."""
    dependency: Dependency = Depends(_Repeatable())
    return dependency


def is_repeatable(call: object) -> bool:
    """Whether a route's dependency is that of `repeatable`."""
    return isinstance(call, _Repeatable)


async def once(request: Request, caller: Principal, status: int, handle: Handle) -> Response:
    """Handle a POST of `caller`, which answers with `status` when all is well."""
    request.scope[_STATUS] = status
    key = _key_of(request)
    if key is None:
        return await _handled(request, Pending(None), handle)
    target = f"{request.method} {request.scope['path']}?{request.scope['query_string'].decode('latin-1')}\n"
    who = f"{caller.organization_id}\n{caller.kind}\n{caller.id}"
    asked = Asked(_digest(who.encode()), _digest(key.encode()), _digest(target.encode() + await request.body()))
    found = provision(request, Once)
    if not isinstance(found, Once):
        message = "bootstrap provides something else for Once"
        raise TypeError(message)
    return await found.answer(request, asked, handle)


def note_answer(request: Request, answer: BaseModel | None) -> None:
    """Remember the answer for the transaction that is about to end; None for one without a body."""
    found = pending()
    if found is None:
        return
    found.answered = True
    if found.asked is not None:
        status = _NO_CONTENT if answer is None else int(request.scope[_STATUS])
        body = "" if answer is None else answer.model_dump_json()
        found.reply = Reply(status, body, shown_headers(request, status))


def no_content(request: Request) -> Response:
    """204, from within the transaction of a POST that has nothing to show."""
    note_answer(request, None)
    return Response(status_code=_NO_CONTENT)


async def _handled(request: Request, what: Pending, handle: Handle) -> Response:
    with on_its_way(what):
        response = await handle(request)
    # The bytes that are kept are the bytes that are sent, now and ever after.
    return _rendered(what.reply) if what.kept and what.reply is not None else response


def _rendered(reply: Reply, *, repeated: bool = False) -> Response:
    headers = {**reply.headers, "idempotency-replayed": "true"} if repeated else dict(reply.headers)
    return Response(reply.body, reply.status, headers, media_type=_JSON if reply.body else None)


def _key_of(request: Request) -> str | None:
    keys = request.headers.getlist(HEADER)
    if not keys:
        return None
    if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
        raise Invalid.field(
            f"header.{HEADER}", "malformed", "must be one text of 1 to 255 ASCII characters, such as a UUID"
        )
    return keys[0].removeprefix('"').removesuffix('"')


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
