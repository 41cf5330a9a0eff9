from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from headworks.bootstrap.asyncapi import DOCUMENT, document, document_text
from headworks.bootstrap.messages import TYPES
from headworks.kernel.bus import MessageType
from headworks.kernel.bus.message import TYPE


@dataclass(frozen=True)
class Report:
    """A task's body."""

    name: str


def test_the_committed_description_is_current() -> None:
    """When it is not: python -m headworks.bootstrap.asyncapi."""
    assert DOCUMENT.read_text(encoding="utf-8") == document_text()


def test_every_type_is_one_that_a_bus_carries_and_has_a_name_of_its_own() -> None:
    names = [one.name for one in TYPES]
    assert len(set(names)) == len(names)
    assert all(TYPE.fullmatch(name) for name in names)


def test_every_reference_leads_somewhere() -> None:
    task = MessageType("reports.wanted.v1", "task", "A report is wanted.", Report, queue="reports")
    described = document([*TYPES, task])
    references = re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(described))
    assert len(references) >= 2 * len(TYPES)
    for reference in references:
        place: Any = described
        for step in reference.split("/"):
            place = place[step]
    assert described["channels"]["reports.wanted.v1"]["bindings"]["amqp"]["is"] == "queue"
