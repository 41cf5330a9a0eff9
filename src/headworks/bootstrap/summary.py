"""What an installation says of itself once it runs: the banner prints it, the page at `/` shows it. It holds no secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.bootstrap.discovery import Discovery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headworks.catalog.contracts import VisibleModel

DEMO_MODEL = "headworks/echo"
"""Always there, and clearly a demo."""

_NOT_FOR_CHAT = (
    "audio",
    "dall-e",
    "embed",
    "image",
    "moderation",
    "realtime",
    "rerank",
    "speech",
    "transcribe",
    "tts",
    "whisper",
)
"""Parts of names of models that do not answer chat requests, so that the line to try works."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The state of things for somebody who has just started Headworks."""

    version: str
    endpoint: str
    """What an SDK takes as its base URL; ends in `/v1`."""
    models: tuple[str, ...]
    """Every name that can be asked for, as a list of models shows it."""
    best_model: str
    """The one to try first."""
    discovery: Discovery | None = None
    """None where discovery is turned off, or is not done yet."""


def summarize(
    version: str, endpoint: str, visible: Sequence[VisibleModel], discovery: Discovery | None = None
) -> Summary:
    """Put together what the catalog and discovery know."""
    names = tuple(model.name for model in visible)
    return Summary(version, endpoint, names, best_model(visible, discovery), discovery)


def best_model(visible: Sequence[VisibleModel], discovery: Discovery | None) -> str:
    """A model that answers chat requests: an alias that somebody made, else one on this machine, else a hosted one.

    Providers that did not answer just now are passed over: the line to try is to work as it stands.
    """
    aliases = [model.name for model in visible if model.origin == "manual"]
    answered = [finding for finding in (discovery or Discovery()).findings if finding.state == "listed"]
    # Local servers come last in what discovery found, and first here: they cost nothing.
    found = [f"{finding.name}/{model}" for finding in reversed(answered) for model in finding.models]
    return next((name for name in (*aliases, *found) if _chats(name)), DEMO_MODEL)


def _chats(name: str) -> bool:
    return not any(part in name.lower() for part in _NOT_FOR_CHAT)
