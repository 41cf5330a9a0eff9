"""What reports can be split by, and held to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from headworks.usage.domain.rollups import Grain

TEXTS: Final = {
    "organization": "organization_id",
    "project": "project_id",
    "key": "key_id",
    "user": "user_id",
    "model": "model",
    "provider": "provider_id",
    "deployment": "deployment_id",
    "upstream_model": "upstream_model",
    "endpoint": "endpoint",
    "outcome": "outcome",
    "status": "status",
}
"""Dimensions that are a field of a group."""
TAG: Final = "tag:"
"""Before the name of a tag."""
TIMES: Final[tuple[Grain, ...]] = ("minute", "hour", "day")
NAMED: Final = (*TEXTS, *TIMES)
MOST_TAGS: Final = 4
"""That one report can be split by, and be held to."""


def in_order(wanted: list[str]) -> tuple[str, ...]:
    """Each once: what there is, then tags as they came, then times."""
    known = [name for name in TEXTS if name in wanted]
    tags = list(dict.fromkeys(name for name in wanted if name.startswith(TAG)))
    return (*known, *tags, *(name for name in TIMES if name in wanted))
