"""Keys that are not known here: how many a source may send. Known keys from the same source pass untouched."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from headworks.identity.errors import TooManyUnknownKeys
from headworks.kernel.errors import Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from headworks.kernel.principal import Principal
    from headworks.kernel.strangers import Strangers

_MOST_KNOWN: Final = 10_000


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """Who holds a key, where strangers may not ask without end. Fills `Authentication.of_keys`."""

    of_keys: Callable[[str, str | None], Awaitable[Principal]]
    strangers: Strangers
    _known: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    """SHA-256 of keys that were let in."""

    async def __call__(self, token: str, source: str | None) -> Principal:
        """As `of_keys`; a key that was not let in before costs a try, which comes back where it is. Raises TooManyUnknownKeys."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        pays = digest not in self._known
        if pays:
            pay(self.strangers, source)
        try:
            principal = await self.of_keys(token, source)
        except Unauthenticated:
            self._known.pop(digest, None)
            raise
        except BaseException:
            self._give_back(source, pays=pays)
            raise
        self._give_back(source, pays=pays)
        self._remember(digest)
        return principal

    def _give_back(self, source: str | None, *, pays: bool) -> None:
        if pays:
            self.strangers.give_back(source)

    def _remember(self, digest: bytes) -> None:
        self._known[digest] = None
        self._known.move_to_end(digest)
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)


def pay(strangers: Strangers, source: str | None) -> None:
    """Use up a try of the source. Raises TooManyUnknownKeys where it has none."""
    wait = strangers.take(source)
    if wait is not None:
        raise TooManyUnknownKeys(
            "Too many requests with keys that are not known here came from this address; try again in "
            f"{wait} s with the right key.",
            retry_after=wait,
        )
