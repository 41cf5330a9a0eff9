"""What the engine asks of the controller, and what the controller answers.

`engine/src/flow/model.rs` is the other side of these shapes; field names and defaults are the same there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final, Literal

FLOW_VERSION = 1
"""Raised when a field changes its meaning; the engine refuses a version that it does not know."""

Dialect = Literal["openai", "echo"]

ENDPOINTS: Final = (
    "chat/completions",
    "completions",
    "embeddings",
    "responses",
    "moderations",
    "images/generations",
    "images/edits",
    "images/variations",
    "audio/speech",
    "audio/transcriptions",
    "audio/translations",
    "rerank",
    "models",
    "models/{id}",
    "other",
)
"""Every endpoint that a question can name; `engine/src/flow/endpoint.rs` has the same list."""

SIGNER: Final = "signer"
"""In the place of an endpoint: with which secrets does this key sign? It is asked before anything is known of the rest."""


@dataclass(frozen=True, slots=True)
class Question:
    """May the key with this hash use `model` at `endpoint`, and where does the request go?"""

    key_hash: str
    """SHA-256 of the whole key, hex; of a request that is signed, what identity knows its signer by."""
    model: str | None
    """As the caller wrote it; None where the request names no model."""
    endpoint: str
    """The path below `/v1/`, ids folded: `chat/completions`, `models`, `models/{id}`, `other`, …; or `SIGNER`."""
    request_id: str


@dataclass(frozen=True, slots=True)
class Credential:
    """A header that authenticates us to the upstream. Its `value` is a secret: never log a flow."""

    id: str
    value: str = field(repr=False)
    header: str = "authorization"


@dataclass(frozen=True, slots=True)
class Target:
    """One place that the request may go to."""

    deployment_id: str
    provider_id: str
    dialect: Dialect
    base_url: str
    """Up to and including the version segment, without a slash at its end: `https://api.openai.com/v1`."""
    upstream_model: str | None
    """None leaves the model as the caller wrote it."""
    credential: Credential | None = None
    weight: int = 1
    stream_usage: bool = True
    """Whether the upstream takes `stream_options.include_usage`."""
    private_network: bool = False
    """Whether loopback, link-local and private addresses are allowed for this target."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Deadlines in milliseconds, and how many targets may be tried."""

    connect_ms: int = 5_000
    first_byte_ms: int = 600_000
    idle_ms: int = 120_000
    total_ms: int = 3_600_000
    attempts: int = 3


@dataclass(frozen=True, slots=True)
class Document:
    """An answer that the controller wrote whole, such as the list of models."""

    body: str
    status: int = 200
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """What a key signs with. Its `value` is a secret: never log a flow."""

    value: str = field(repr=False)
    until: int | None = None
    """Unix seconds at which it stops working; None where nothing ends it."""


@dataclass(frozen=True, slots=True)
class Signing:
    """What proves that a request comes from a key."""

    secrets: tuple[SigningSecret, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """Everything the engine needs to serve later requests of one (key, model, endpoint) without asking."""

    organization_id: str
    project_id: str
    key_id: str
    model: str
    """The name the request is recorded under: the alias, or the empty string where none was named."""
    targets: tuple[Target, ...] = ()
    document: Document | None = None
    """Where set, it is the answer, and there are no targets."""
    policy: Policy = field(default_factory=Policy)
    fresh_ms: int = 60_000
    """After this the flow is asked for again in the background while it goes on serving."""
    hard_ms: int = 900_000
    """After this the flow serves no more: the longest that a controller may be away."""
    revision: int = 0
    addresses: tuple[str, ...] | None = None
    """Networks (CIDR) that its key may be used from; None for anywhere. The engine looks at each request's."""
    signing: Signing | None = None
    """The answer to `SIGNER`, which serves nothing else."""
    version: int = FLOW_VERSION

    def to_json(self) -> str:
        """The wire form that `Engine.answer` takes."""
        return json.dumps({"flow": self}, default=_fields)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the caller may not, in the words and the status that the caller gets."""

    status: int
    code: str
    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    cache_ms: int = 2_000
    """How long the engine may repeat this answer without asking; 0 for none."""
    addresses: tuple[str, ...] | None = None
    """As in `Flow`: who calls from elsewhere is told of that, and not of this."""
    version: int = FLOW_VERSION

    def to_json(self) -> str:
        """The wire form that `Engine.answer` takes."""
        return json.dumps({"refusal": self}, default=_fields)


def _fields(
    value: Flow | Refusal | Target | Credential | Policy | Document | Signing | SigningSecret,
) -> dict[str, object]:
    # A quarter of what dataclasses.asdict takes, which copies deeply what the encoder only reads.
    return {name: getattr(value, name) for name in value.__slots__}


def question_from_json(text: str) -> Question:
    """Read what `Engine.take_questions` gave."""
    return Question(**json.loads(text))
