"""What a type of message says of itself: for the document that others read, and for whoever must encode one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class MessageType:
    """One type, in one version."""

    name: str
    """As in `Message.type`."""
    kind: Literal["event", "task"]
    summary: str
    payload: Any
    """What the body is: any type that Pydantic can describe."""
    content_type: str = "application/json"
    queue: str = ""
    """The queue that a task goes to."""
