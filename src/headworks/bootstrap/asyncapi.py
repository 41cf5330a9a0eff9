"""`python -m headworks.bootstrap.asyncapi` writes docs/reference/asyncapi.json; a test holds that the file is current.

Events and tasks as AsyncAPI 3.0 describes them (https://www.asyncapi.com/docs/reference/specification/v3.0.0).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

import headworks
from headworks.bootstrap.messages import TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headworks.kernel.bus import MessageType

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "reference" / "asyncapi.json"
_DEFINITIONS: Final = "#/components/schemas/{model}"
_HEADERS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "occurred-at": {"type": "string", "format": "date-time", "description": "When it happened, in UTC."},
        "published-ms": {"type": "integer", "description": "When it was published, in milliseconds since 1970."},
        "subject": {"type": "string", "description": "What it is about; empty for nothing in particular."},
        "organization": {"type": "string", "description": "Whose affair it is; empty for the installation's."},
    },
    "required": ["occurred-at", "published-ms", "subject", "organization"],
}


def document(types: Sequence[MessageType]) -> dict[str, Any]:
    """Of these types of message."""
    schemas: dict[str, Any] = {}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Headworks events and tasks",
            "version": headworks.__version__,
            "description": "What Headworks says on RabbitMQ. Delivery is at least once, in no promised order; "
            "a message that comes twice has the same `message-id`.",
        },
        "defaultContentType": "application/json",
        "channels": {one.name: _channel(one) for one in types},
        "operations": {f"send.{one.name}": _operation(one) for one in types},
        "components": {"messages": {one.name: _message(one, schemas) for one in types}, "schemas": schemas},
    }


def document_text() -> str:
    """As it is committed: the same bytes every time."""
    return json.dumps(document(TYPES), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _channel(one: MessageType) -> dict[str, Any]:
    if one.kind == "event":
        exchange = {"name": "headworks.events", "type": "topic", "durable": True}
        binding: dict[str, Any] = {"is": "routingKey", "exchange": exchange}
    else:
        binding = {"is": "queue", "queue": {"name": f"{one.queue}.normal", "durable": True}}
    return {
        "address": one.name if one.kind == "event" else one.queue,
        "messages": {one.name: {"$ref": f"#/components/messages/{one.name}"}},
        "bindings": {"amqp": {**binding, "bindingVersion": "0.3.0"}},
    }


def _operation(one: MessageType) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{one.name}"},
        "summary": one.summary,
        "messages": [{"$ref": f"#/channels/{one.name}/messages/{one.name}"}],
    }


def _message(one: MessageType, schemas: dict[str, Any]) -> dict[str, Any]:
    payload = TypeAdapter(one.payload).json_schema(ref_template=_DEFINITIONS)
    schemas.update(payload.pop("$defs", {}))
    return {
        "name": one.name,
        "title": one.name,
        "summary": one.summary,
        "contentType": one.content_type,
        "headers": _HEADERS,
        "payload": payload,
    }


if __name__ == "__main__":
    DOCUMENT.write_text(document_text(), encoding="utf-8")
