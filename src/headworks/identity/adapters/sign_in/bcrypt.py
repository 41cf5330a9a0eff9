"""bcrypt, in threads of its own: it takes a quarter of a second, and lets go of the interpreter meanwhile."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import bcrypt

from headworks.identity.domain.passwords import fits, normal
from headworks.identity.errors import SignInBusy
from headworks.kernel.patience import will_wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from headworks.kernel.secrets import Secret

T = TypeVar("T")

_STAND_IN = b"nobody has this password"
_MOST_WAITING = 64
"""At a quarter of a second each; beyond that people are told rather than kept."""


class Bcrypt:
    """`ports.Hasher`. At most a quarter of the cores hash, so that sign-ins never take inference's time away."""

    def __init__(self, cost: int) -> None:
        """`cost` is the logarithm of the rounds: each one more takes twice as long."""
        self._cost = cost
        # Of another password than anybody's, at the same cost: who is unknown here takes as much work as who is not.
        self._nobody = ""
        self._waiting = 0
        self._threads = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) // 4), "bcrypt")

    async def hash(self, password: Secret) -> str:
        """See `ports.Hasher`."""
        text = normal(password.reveal()).encode()
        return await self._run(lambda: self._hash(text))

    async def verify(self, password: Secret, stored: str | None) -> bool:
        """See `ports.Hasher`."""
        text = normal(password.reveal())
        usable = stored is not None and fits(text)
        return await self._run(lambda: self._verify(text.encode(errors="replace"), stored, usable=usable))

    def is_outdated(self, stored: str) -> bool:
        """See `ports.Hasher`."""
        return not stored.startswith(f"$2b${self._cost:02d}$")

    def _hash(self, text: bytes) -> str:
        return bcrypt.hashpw(text, bcrypt.gensalt(self._cost)).decode()

    def _verify(self, text: bytes, stored: str | None, *, usable: bool) -> bool:
        if usable and stored is not None:
            return bcrypt.checkpw(text, stored.encode())
        if not self._nobody:
            self._nobody = self._hash(b"another password than the stand-in")
        bcrypt.checkpw(_STAND_IN, self._nobody.encode())
        return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _MOST_WAITING:
            raise SignInBusy("Too many people are signing in at this moment; try again in a few seconds.")
        self._waiting += 1
        will_wait()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
