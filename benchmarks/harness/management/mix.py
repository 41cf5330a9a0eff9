"""What a client asks: of ten requests seven read, as people and scripts do who look before they change."""

from __future__ import annotations

import json
import random
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

READS = (
    ("list keys, the newest", 4),
    ("list keys, on by cursor", 3),
    ("list keys, by name", 3),
    ("list keys, of a project and active", 3),
    ("list keys, page 5 of 100", 1),
    ("show a key", 10),
    ("list members", 4),
    ("list changes", 4),
    ("list changes, of keys", 1),
    ("list organisations", 2),
)
WRITES = (("make a key", 5), ("change a key", 5), ("revoke a key", 5))
"""Each with how often it comes in fifty."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request."""

    name: str
    writes: bool
    method: str
    path: str
    """Under `/api/v1`."""
    body: bytes = b""


@dataclass(slots=True)
class Mix:
    """The requests of one client, in an order that its seed decides."""

    seed: int
    project_id: str
    _own: deque[str] = field(default_factory=deque)
    """Keys that it made and has not revoked."""
    _following: str = "/keys?per_page=50"
    _left: list[tuple[str, bool]] = field(default_factory=list)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - an order, not a secret

    def next(self) -> Ask:
        """What to ask now. Without a key of its own it makes one."""
        if not self._own:
            return self._ask("make a key", writes=True)
        if not self._left:
            self._left = [(name, False) for name, times in READS for _ in range(times)]
            self._left += [(name, True) for name, times in WRITES for _ in range(times)]
            self._random.shuffle(self._left)
        name, writes = self._left.pop()
        return self._ask(name, writes=writes)

    def answered(self, ask: Ask, answer: dict[str, Any]) -> None:
        """Learn from an answer what to ask next."""
        if ask.name == "make a key":
            self._own.append(answer["data"]["id"])
        elif ask.name == "list keys, on by cursor":
            following = answer["links"]["next"]
            self._following = following.removeprefix("/api/v1") if following else "/keys?per_page=50"

    def _ask(self, name: str, *, writes: bool) -> Ask:
        if not writes:
            return Ask(name, writes, "GET", self._reads()[name]())
        number = self._random.randrange(10**6)
        if name == "make a key":
            return Ask(name, writes, "POST", "/keys", json.dumps({"name": f"made {number}"}).encode())
        if name == "change a key":
            path = f"/keys/{self._random.choice(self._own)}"
            return Ask(name, writes, "PATCH", path, json.dumps({"name": f"changed {number}"}).encode())
        return Ask(name, writes, "DELETE", f"/keys/{self._own.popleft()}")

    def _reads(self) -> dict[str, Callable[[], str]]:
        return {
            "list keys, the newest": lambda: "/keys",
            "list keys, on by cursor": lambda: self._following,
            "list keys, by name": lambda: "/keys?sort=-name&kind=inference",
            "list keys, of a project and active": lambda: f"/keys?project_id={self.project_id}&state=active",
            "list keys, page 5 of 100": lambda: "/keys?page=5&per_page=100&sort=created_at",
            "show a key": lambda: f"/keys/{self._random.choice(self._own)}",
            "list members": lambda: "/members?sort=email",
            "list changes": lambda: "/audit-events",
            "list changes, of keys": lambda: "/audit-events?action=key.*",
            "list organisations": lambda: "/organizations?sort=name",
        }
