"""Routes of dead letters. What is in them is the installation's, of all organisations: they are for who operates it."""

from typing import Annotated, Literal

from fastapi import Path, Query, Request
from pydantic import Field

from headworks.bootstrap.dead_letters.dead_letters import DeadLetterNotFound, DeadLetters, NoBroker, QueueNotFound
from headworks.kernel.bus import BusFull, BusRefused, BusUnavailable, DeadLetter
from headworks.kernel.principal import Principal
from headworks.kernel.web import (
    Envelope,
    ResponseModel,
    Router,
    StrictModel,
    Timestamp,
    envelope,
    provided,
    raises,
    repeatable,
    require,
)

router = Router("/api/v1", tags=["operations"])

_MOST = 200
"""Letters of one answer: a body has a megabyte at most, and all are held while they are looked at."""
_SHOWN = 4096
"""Characters of a payload: a few events, enough to see what is wrong with it."""
_LONGEST_QUEUE = 64
_LONGEST_ID = 200

_Operator = Annotated[Principal, require("installation:operate")]
_DeadLetters = Annotated[DeadLetters, provided(DeadLetters)]
_Queue = Annotated[
    str | None, Query(max_length=_LONGEST_QUEUE, description="Only of this queue, such as `usage`; all when left out.")
]
_refuses = raises(NoBroker, QueueNotFound, BusUnavailable, BusRefused)


class QueueOut(ResponseModel):
    """How a queue stands."""

    name: str
    waiting: int
    """Messages that no consumer holds."""
    dead: int


class DeadLetterOut(ResponseModel):
    """A message that nobody will be given any more, unless it is replayed."""

    id: str
    queue: str
    type: str
    """What it is, with its version."""
    level: Literal["high", "normal", "low"]
    """How urgent it was, where it is a task."""
    subject: str
    """What it is about, such as the gateway that sent it."""
    organization_id: str
    """Empty where it is the installation's."""
    occurred_at: Timestamp
    died_at: Timestamp | None
    """Null where the broker does not keep it."""
    reason: Literal["rejected", "delivery_limit", "expired"]
    """`rejected`: whoever got it could make nothing of it, and said why in its log; `delivery_limit`: handling it failed too often;
    `expired`: nobody took it in time."""
    deliveries: int | None
    """How often it was tried; null where the broker cannot tell."""
    size_bytes: int
    """Of the payload."""


class DeadLetterWithPayloadOut(DeadLetterOut):
    """One of them, and what is in it."""

    content_type: str
    payload: str
    """Its beginning. What is no text is shown as question marks."""
    payload_is_cut: bool
    """Whether there is more of it."""


class DeadLettersOut(ResponseModel):
    """What is dead."""

    queues: list[QueueOut]
    letters: list[DeadLetterOut]
    """The oldest of each queue first. What is dead and was not sent by Headworks is counted, and not shown."""


class ReplayIn(StrictModel):
    """What to put back."""

    queue: str = Field(max_length=_LONGEST_QUEUE)
    ids: list[Annotated[str, Field(max_length=_LONGEST_ID)]] | None = Field(None, min_length=1, max_length=1000)
    """Of messages; all that are dead in the queue when left out."""


class ReplayedOut(ResponseModel):
    """What was put back."""

    queue: str
    replayed: int


@router.get("/dead-letters", summary="Messages that nobody could handle", dependencies=[_refuses])
async def list_dead_letters(
    request: Request,
    _caller: _Operator,
    dead_letters: _DeadLetters,
    queue: _Queue = None,
    limit: Annotated[int, Query(ge=1, le=_MOST, description="At most so many.")] = 50,
) -> Envelope[DeadLettersOut]:
    """What is dead, and how many wait. While it is looked at, others see fewer."""
    found = await dead_letters.look(queue, limit)
    queues = [QueueOut(name=one.name, waiting=one.waiting, dead=one.dead) for one in found.standings]
    return envelope(DeadLettersOut(queues=queues, letters=[_out(one) for one in found.letters]), request)


@router.get(
    "/dead-letters/{letter_id:path}",
    summary="One message that nobody could handle",
    dependencies=[_refuses, raises(DeadLetterNotFound)],
)
async def show_dead_letter(
    request: Request,
    _caller: _Operator,
    dead_letters: _DeadLetters,
    letter_id: Annotated[str, Path(max_length=_LONGEST_ID)],
    queue: _Queue = None,
) -> Envelope[DeadLetterWithPayloadOut]:
    """What it is, and the beginning of its payload. That of usage holds who asked for what and how much of it, no prompt and no key."""
    letter = await dead_letters.one(queue, letter_id)
    payload = letter.message.body.decode(errors="replace")
    out = DeadLetterWithPayloadOut(
        **_out(letter).model_dump(),
        content_type=letter.message.content_type,
        payload=payload[:_SHOWN],
        payload_is_cut=len(payload) > _SHOWN,
    )
    return envelope(out, request)


@router.post(
    "/dead-letter-replays",
    summary="Put dead messages back",
    status_code=201,
    dependencies=[repeatable(), _refuses, raises(DeadLetterNotFound, BusFull)],
)
async def replay_dead_letters(
    request: Request, _caller: _Operator, dead_letters: _DeadLetters, body: ReplayIn
) -> Envelope[ReplayedOut]:
    """Into the queue that they died in, as they were. What is handled already is not handled twice."""
    count = await dead_letters.replay(body.queue, None if body.ids is None else set(body.ids))
    return envelope(ReplayedOut(queue=body.queue, replayed=count), request)


def _out(letter: DeadLetter) -> DeadLetterOut:
    message = letter.message
    return DeadLetterOut(
        id=message.id,
        queue=letter.queue,
        type=message.type,
        level=letter.level,
        subject=message.subject,
        organization_id=message.organization_id,
        occurred_at=message.occurred_at,
        died_at=letter.died_at,
        reason=letter.reason,
        deliveries=letter.deliveries,
        size_bytes=len(message.body),
    )
