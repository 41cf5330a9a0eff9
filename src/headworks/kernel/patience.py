"""Waiting for what takes long: whoever is about to says so, and what they keep others from is given up meanwhile."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_on_waiting: ContextVar[Callable[[], None] | None] = ContextVar("on_waiting", default=None)


@contextmanager
def waiting(give_up: Callable[[], None]) -> Iterator[None]:
    """Within the block `will_wait` calls `give_up`."""
    token = _on_waiting.set(give_up)
    try:
        yield
    finally:
        _on_waiting.reset(token)


def will_wait() -> None:
    """Say it before a password is hashed, or another server is asked: anything but our databases."""
    give_up = _on_waiting.get()
    if give_up is not None:
        give_up()
