"""The prices that come with Headworks, from `catalog/prices.json`."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

from headworks.catalog.contracts import NewPrice

PRICES = Path(__file__).parents[1] / "prices.json"


def shipped_prices(path: Path = PRICES) -> list[NewPrice]:
    """One wish for each model of each row."""
    document = json.loads(path.read_text(encoding="utf-8"))
    default = document["valid_from"]
    return [
        NewPrice(
            provider=row["provider"],
            upstream_model=model,
            rates=row["rates"],
            valid_from=datetime.fromisoformat(row.get("valid_from", default)).replace(tzinfo=UTC),
            source=row["source"],
            as_of=date.fromisoformat(row["as_of"]),
        )
        for row in document["prices"]
        for model in row["models"]
    ]
