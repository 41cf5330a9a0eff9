"""What holds when: values that change at moments which are known."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")

BEGINNING_US: Final = -(2**63)
FOREVER_US: Final = 2**63 - 1


class Stretch(NamedTuple, Generic[T]):
    """A value that holds from a moment (inclusive) until another one (exclusive), in UTC microseconds."""

    value: T
    from_us: int
    until_us: int


class Timeline(Generic[T]):
    """Immutable."""

    __slots__ = ("_moments", "_values")

    def __init__(self, changes: Iterable[tuple[int, T]], before: T) -> None:
        """`changes`: from when (UTC microseconds, ascending) what holds; `before` holds until the first of them."""
        moments, values = [BEGINNING_US], [before]
        for at_us, value in changes:
            moments.append(at_us)
            values.append(value)
        self._moments = (*moments, FOREVER_US)
        self._values = tuple(values)

    def at(self, at_us: int) -> T:
        """What holds at that moment."""
        return self.stretch(at_us).value

    def stretch(self, at_us: int) -> Stretch[T]:
        """That, since when, and until when at least."""
        place = min(bisect_right(self._moments, at_us), len(self._values)) - 1
        return Stretch(self._values[place], self._moments[place], self._moments[place + 1])
