"""What the rules of the domain look like in the description of the API. It is the domain that checks them, and says what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headworks.catalog.commands.models import MOST_TARGETS
from headworks.catalog.domain.caps import LARGEST_CAP
from headworks.catalog.domain.names import MODEL_NAME_BYTES, PROVIDER_NAME_LENGTH
from headworks.catalog.domain.prices import LARGEST_RATE
from headworks.catalog.domain.weights import LARGEST_WEIGHT

if TYPE_CHECKING:
    from pydantic import JsonValue

    Shape = dict[str, JsonValue]

WEIGHT: Final[Shape] = {"minimum": 0, "maximum": LARGEST_WEIGHT}
CAP: Final[Shape] = {"minimum": 1, "maximum": LARGEST_CAP}
RATE: Final[Shape] = {"minimum": 0, "maximum": LARGEST_RATE}
TARGETS: Final[Shape] = {"minItems": 1, "maxItems": MOST_TARGETS}
PROVIDER_NAME: Final[Shape] = {"pattern": f"^[a-z0-9][a-z0-9._-]{{0,{PROVIDER_NAME_LENGTH - 1}}}$"}
ALIAS: Final[Shape] = {"pattern": f"^[A-Za-z0-9][A-Za-z0-9._:/@+-]{{0,{MODEL_NAME_BYTES - 1}}}$"}
