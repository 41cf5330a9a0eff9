"""A message: who said what, about whom, and when. The bytes are its type's own affair."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from headworks.kernel.errors import Invalid

if TYPE_CHECKING:
    from datetime import datetime

Level = Literal["high", "normal", "low"]
"""How urgent a task is."""
LEVELS: Final[tuple[Level, ...]] = ("high", "normal", "low")
"""The most urgent first."""

TYPE: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+\.v[1-9][0-9]*")
LONGEST_BODY: Final = 4 * 1024 * 1024
"""Bytes. What is larger belongs into the object store, and its address into the message."""
_LONGEST_TEXT: Final = 200
"""Bytes: AMQP holds ids, types and content types to 255."""


@dataclass(frozen=True, slots=True)
class Message:
    """An event or a task. Raises Invalid when it is made of what no bus could carry."""

    id: str
    """The same each time it is published: who handles it does so once for each id."""
    type: str
    """With its version, such as `usage.recorded.v1`. A change that old readers would misunderstand is a new version."""
    body: bytes
    occurred_at: datetime
    subject: str = ""
    """What it is about, such as the id of a batch; "" for nothing in particular."""
    organization_id: str = ""
    """Whose affair it is; "" where it is the installation's."""
    content_type: str = "application/json"

    def __post_init__(self) -> None:
        """Guards."""
        if not TYPE.fullmatch(self.type):
            raise Invalid.field(
                "type", "malformed", "must be words joined by dots with a version, like usage.recorded.v1"
            )
        if not self.id:
            raise Invalid.field(
                "id", "missing", "must be there: without it nobody can tell a repeat from a new message"
            )
        for name in ("id", "type", "subject", "organization_id", "content_type"):
            if len(getattr(self, name).encode()) > _LONGEST_TEXT:
                raise Invalid.field(name, "too_long", f"must be at most {_LONGEST_TEXT} bytes")
        if len(self.body) > LONGEST_BODY:
            raise Invalid.field("body", "too_long", f"must be at most {LONGEST_BODY} bytes; it has {len(self.body)}")
        if self.occurred_at.tzinfo is None:
            raise Invalid.field("occurred_at", "no_zone", "must say its time zone")
