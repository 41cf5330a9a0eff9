"""Pure rules: how anchors are written, and which entries a question is about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from headworks.audit.contracts import Anchor
from headworks.audit.errors import MalformedAnchor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from headworks.audit.contracts import Entry, Place, Wanted

_ANCHOR = re.compile(r"(?P<trail>[a-z]{1,32}):(?P<sequence>[1-9][0-9]{0,17}):(?P<hash>[0-9a-f]{64})", re.ASCII)
ALL_OF = ".*"
"""The end of an action that stands for every action of its noun."""


def anchors(texts: Iterable[str], trails: Sequence[str]) -> list[Anchor]:
    """Read `TRAIL:SEQUENCE:HASH`. Raises MalformedAnchor."""
    found = []
    for text in texts:
        match = _ANCHOR.fullmatch(text)
        if match is None or match["trail"] not in trails:
            raise MalformedAnchor(text, list(trails))
        found.append(Anchor(match["trail"], int(match["sequence"]), match["hash"]))
    return found


def is_wanted(entry: Entry, wanted: Wanted) -> bool:
    """Whether the question is about this entry."""
    return (
        wanted.organization_id in (None, entry.organization_id)
        and wanted.actor_id in (None, entry.actor_id)
        and _is_action(entry.action, wanted.action)
        and wanted.resource_type in (None, entry.resource_type)
        and wanted.resource_id in (None, entry.resource_id)
        and wanted.request_id in (None, entry.request_id)
        and (wanted.since is None or wanted.since <= entry.at)
        and (wanted.until is None or entry.at < wanted.until)
    )


def is_older(entry: Entry, place: Place | None) -> bool:
    """Whether it comes after `place` in a list that shows the newest first."""
    return place is None or (entry.at, entry.id) < (place.at, place.id)


def _is_action(action: str, wanted: str | None) -> bool:
    if wanted is None:
        return True
    return action.startswith(wanted.removesuffix("*")) if wanted.endswith(ALL_OF) else action == wanted
