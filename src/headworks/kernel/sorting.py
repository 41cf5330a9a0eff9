"""The order of a list, and a place in it: what `sort=name,-created_at` means, and what a cursor holds."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from headworks.kernel.errors import Invalid
from headworks.kernel.moments import micros, moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
Kinds = Mapping[str, type]
"""The fields that a list can be sorted by, and what they hold: str, int, bool or datetime."""
Position = tuple[object, ...]
"""The values that a list is sorted by of the last item that was shown, and its id."""

_FARTHEST = 2**62


@dataclass(frozen=True, slots=True)
class Order:
    """One field to sort by."""

    field: str
    descending: bool = False


Sort = tuple[Order, ...]


def parse_sort(text: str, kinds: Kinds) -> Sort:
    """`name,-created_at`: the first field decides, a minus turns it round. Raises Invalid, naming the fields there are."""
    orders = [Order(part.removeprefix("-"), part.startswith("-")) for part in text.split(",")]
    for order in orders:
        if order.field not in kinds:
            known = ", ".join(sorted(kinds))
            raise Invalid.field("query.sort", "unknown", f"cannot sort by {order.field!r}; there are {known}")
    # Once a field has decided, it has nothing more to say.
    return tuple({order.field: order for order in reversed(orders)}[field] for field in {o.field: 0 for o in orders})


def in_order(items: Iterable[T], sort: Sort, value: Callable[[T, str], Any]) -> list[T]:
    """The items sorted; those that `sort` holds to be equal stay as they are."""
    found = list(items)
    for order in reversed(sort):
        found.sort(key=_getter(order.field, value), reverse=order.descending)
    return found


def _getter(field: str, value: Callable[[T, str], Any]) -> Callable[[T], Any]:
    return lambda item: value(item, field)


def encode_cursor(sort: Sort, position: Position) -> str:
    """A place in a list of this order, as text that says nothing to callers."""
    values = [micros(value) if isinstance(value, datetime) else value for value in position]
    text = json.dumps([_text(sort), *values], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode(errors="surrogatepass")).decode().rstrip("=")


def decode_cursor(cursor: str, sort: Sort, kinds: Kinds) -> Position:
    """What `encode_cursor` wrote. Raises Invalid when it is no cursor, or one of another order."""
    try:
        found = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not found or not isinstance(found[0], str):
        raise _malformed("is not a cursor of this list; take it from `links.next`")
    if found[0] != _text(sort):
        raise _malformed("is of another order; take it from `links.next` of a list with the same `sort`")
    wanted = [kinds[order.field] for order in sort] + [str]
    if len(found) != len(wanted) + 1:
        raise _malformed("is not a cursor of this list; take it from `links.next`")
    return tuple(_value(value, kind) for value, kind in zip(found[1:], wanted, strict=True))


def _value(value: object, kind: type) -> object:
    stored = int if kind is datetime else kind
    if type(value) is not stored or (isinstance(value, int) and abs(value) > _FARTHEST):
        raise _malformed("is not a cursor of this list; take it from `links.next`")
    if kind is not datetime or not isinstance(value, int):
        return value
    try:
        return moment(value)
    except OverflowError:
        raise _malformed("is not a cursor of this list; take it from `links.next`") from None


def _malformed(message: str) -> Invalid:
    return Invalid.field("query.cursor", "malformed", message)


def _text(sort: Sort) -> str:
    return ",".join(f"-{order.field}" if order.descending else order.field for order in sort)
