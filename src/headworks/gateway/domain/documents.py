"""The list of models, in the shape of https://platform.openai.com/docs/api-reference/models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from headworks.dataplane.flow import Document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headworks.catalog.contracts import Route


def model_list(routes: Iterable[Route]) -> Document:
    """`GET /v1/models`."""
    return Document(json.dumps({"object": "list", "data": [_model(route) for route in routes]}))


def one_model(route: Route) -> Document:
    """`GET /v1/models/{id}`."""
    return Document(json.dumps(_model(route)))


def _model(route: Route) -> dict[str, str | int]:
    return {
        "id": route.model,
        "object": "model",
        "created": int(route.created_at.timestamp()),
        "owned_by": route.owned_by,
    }
