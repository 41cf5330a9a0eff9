"""A message as AMQP carries it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, get_args

from pamqp.commands import Basic

from headworks.kernel.bus.adapters.rabbitmq.layout import level_of
from headworks.kernel.bus.message import Message
from headworks.kernel.bus.port import DeadLetter, Reason
from headworks.kernel.errors import Invalid

if TYPE_CHECKING:
    from aiormq.abc import DeliveredMessage

    from headworks.kernel.bus.topology import Policy

_PERSISTENT: Final = 2
_OCCURRED: Final = "occurred-at"
_PUBLISHED: Final = "published-ms"
_SUBJECT: Final = "subject"
_ORGANIZATION: Final = "organization"


def properties(message: Message, published_ms: int) -> Basic.Properties:
    """All of it but the body. AMQP's own timestamp holds whole seconds, so that ours is a header."""
    return Basic.Properties(
        message_id=message.id,
        message_type=message.type,
        content_type=message.content_type,
        delivery_mode=_PERSISTENT,
        headers={
            _OCCURRED: message.occurred_at.isoformat(),
            _PUBLISHED: published_ms,
            _SUBJECT: message.subject,
            _ORGANIZATION: message.organization_id,
        },
    )


def message_of(delivered: DeliveredMessage) -> Message | None:
    """None for what no Headworks published: it has no id, or is otherwise not as ours are."""
    told = delivered.header.properties
    headers = _headers(delivered)
    try:
        return Message(
            id=told.message_id or "",
            type=told.message_type or "",
            body=delivered.body,
            occurred_at=datetime.fromisoformat(str(headers.get(_OCCURRED))),
            subject=str(headers.get(_SUBJECT, "")),
            organization_id=str(headers.get(_ORGANIZATION, "")),
            content_type=told.content_type or "",
        )
    except (Invalid, ValueError):
        return None


def number_of(delivered: DeliveredMessage) -> int:
    """1 for its first delivery."""
    count = _headers(delivered).get("x-delivery-count", 0)
    return 1 + (count if isinstance(count, int) else 0)


def published_ms_of(delivered: DeliveredMessage) -> int | None:
    """When it was given to the broker."""
    found = _headers(delivered).get(_PUBLISHED)
    return found if isinstance(found, int) else None


def source_of(delivered: DeliveredMessage) -> str:
    """The broker's queue that it died in."""
    return str(_headers(delivered).get("x-first-death-queue", ""))


def letter_of(delivered: DeliveredMessage, name: str, policy: Policy) -> DeadLetter | None:
    """None as for `message_of`. What counts deliveries in it counts those of the dead: how often it was looked at."""
    message = message_of(delivered)
    if message is None:
        return None
    told = _headers(delivered).get("x-first-death-reason")
    reason: Reason = next((one for one in get_args(Reason) if one == told), "rejected")
    deliveries = policy.delivery_limit if reason == "delivery_limit" else None
    return DeadLetter(message, name, level_of(source_of(delivered)), reason, deliveries, _died_at(delivered))


def _died_at(delivered: DeliveredMessage) -> datetime | None:
    """To the second, by the broker's clock."""
    deaths = _headers(delivered).get("x-death")
    last = deaths[0] if isinstance(deaths, list) and deaths else None
    at = last.get("time") if isinstance(last, dict) else None
    return at if isinstance(at, datetime) else None


def _headers(delivered: DeliveredMessage) -> dict[str, Any]:
    return dict(delivered.header.properties.headers or {})
