"""Which names a key may use, and which of them a mistyped one may have meant."""

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING

from headworks.kernel.text import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from headworks.catalog.contracts import Snapshot
    from headworks.identity.contracts import KeyView

_LOOKED_AT = 2_000
_COMPARED = 40
"""A careful comparison takes tens of microseconds a name, and anybody can ask for names that do not exist."""


def allows(key: KeyView, model: str) -> bool:
    """Whether the key may use a name."""
    return key.allowed_models is None or model in key.allowed_models


def allows_endpoint(key: KeyView, endpoint: str) -> bool:
    """Whether the key may be used at an endpoint. Who may list the models may look at one of them."""
    if key.allowed_endpoints is None or endpoint in key.allowed_endpoints:
        return True
    return endpoint == "models/{id}" and "models" in key.allowed_endpoints


def listed(key: KeyView, snapshot: Snapshot) -> Iterator[str]:
    """The names that the key may use: what the list of models shows, or those that its own list allows."""
    if key.allowed_models is None:
        return (model.name for model in snapshot.visible)
    return (name for name in key.allowed_models if name in snapshot.routes)


def similar(model: str, names: Iterable[str]) -> list[str]:
    """At most three names, the most similar first, whatever their case."""
    wanted = model.lower()
    by_lower = {name.lower(): name for name in islice(names, _LOOKED_AT)}
    pieces = _pieces(wanted)
    likely = heapq.nlargest(_COMPARED, by_lower, key=lambda name: len(pieces & _pieces(name)))
    return [by_lower[name] for name in nearest(wanted, likely)]


def _pieces(name: str) -> set[str]:
    return {name[place : place + 2] for place in range(len(name) - 1)}
