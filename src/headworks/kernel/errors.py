"""The errors that a caller may see. Each speaks twice: `message` to the caller, `detail` to the log.

A context derives its own from the bases here, in its `errors.py`; `kernel.web` renders them as problem details.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field of a request."""

    field: str
    """Dotted path from the body, such as `targets.0.weight`; `query.page` or `path.key_id` elsewhere."""
    code: str
    message: str
    """What is wrong, and what would be right."""


class HeadworksError(Exception):
    """Something that a caller is told. `message` holds no secret and says how to mend it."""

    code: ClassVar[str] = "internal_error"
    """Stable, for programs."""
    status: ClassVar[int] = 500
    """HTTP status."""
    title: ClassVar[str] = "Internal error"
    """The kind of problem in a few words, the same for every instance."""

    def __init__(self, message: str, *, detail: str = "", details: Iterable[FieldProblem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.details = tuple(details)

    def __str__(self) -> str:
        return f"{self.message} ({self.detail})" if self.detail else self.message


class Invalid(HeadworksError):
    """The request breaks a rule; repeating it changes nothing."""

    code = "invalid_request"
    status = 422
    title = "The request is not valid"

    @classmethod
    def field(cls, field: str, code: str, message: str) -> Invalid:
        """One field is wrong: `message` says what, and what would be right."""
        return cls(f"{field}: {message}", details=[FieldProblem(field, code, message)])

    def within(self, place: str) -> Invalid:
        """The same in one item of a list: `place` goes before each field."""
        details = [FieldProblem(f"{place}.{one.field}", one.code, one.message) for one in self.details]
        return type(self)(f"{place}.{self.message}", detail=self.detail, details=details)


class UnknownScope(Invalid):
    """What is set on something that is not there would never hold."""

    code = "unknown_scope"
    title = "There is nothing of that id"

    def __init__(self, scope: str, wanted: str, *, field: str = "scope_id") -> None:
        message = f"there is no {scope} {wanted!r}{'' if scope == 'organization' else ' in this organisation'}"
        super().__init__(f"{field}: {message}", details=[FieldProblem(field, self.code, message)])


class Unauthenticated(HeadworksError):
    """We do not know who calls."""

    code = "unauthenticated"
    status = 401
    title = "A valid key is needed"


class Forbidden(HeadworksError):
    """We know who calls, and they may not."""

    code = "forbidden"
    status = 403
    title = "Not allowed"


class NotFound(HeadworksError):
    """There is no such thing, or none that the caller may know of."""

    code = "not_found"
    status = 404
    title = "Not found"


class Conflict(HeadworksError):
    """The request is right in itself, and at odds with what is there."""

    code = "conflict"
    status = 409
    title = "Conflict with what is there"


class Stale(HeadworksError):
    """The thing was changed since the caller saw it: what they know of it is out of date."""

    code = "stale_version"
    status = 412
    title = "Changed in the meantime"

    def __init__(self, message: str, *, current: int | None = None) -> None:
        super().__init__(message)
        self.current = current
        """The version that is there now, where it is known."""


class TooMany(HeadworksError):
    """The caller tries too often; `retry_after` says when the next try is looked at."""

    code = "too_many_requests"
    status = 429
    title = "Too many tries"

    def __init__(self, message: str, *, retry_after: int, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.retry_after = retry_after
        """Seconds."""


class Unavailable(HeadworksError):
    """Something that we depend on failed; the same request may succeed later. Never shown as 401."""

    code = "unavailable"
    status = 503
    title = "Temporarily unavailable"
