"""What the engine asks of the controller, and what the controller answers.

`engine/src/flow/model.rs` is the other side of these shapes; field names and defaults are the same there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from headworks.dataplane.shares import Shares, SharesQuestion

if TYPE_CHECKING:
    from headworks.kernel.scopes import Scope

FLOW_VERSION = 2
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
    kind: Literal["flow"] = "flow"


@dataclass(frozen=True, slots=True)
class LeaseQuestion:
    """May this gateway draw more of a budget's period? Its hold, all that it may draw, is kept for a new term either way."""

    life: str
    """Of the gateway: another after each start; see `gateway_of`."""
    budget_id: str
    period_start_us: int
    need: int
    """Nanodollars that the waiting request lacks: less than this is no help. 0: only the term is to begin anew."""
    want: int
    """What would be handy, by how fast it was drawn of late; at least `need`."""
    request_id: str
    """Who waits; empty where nobody does."""
    kind: Literal["lease"] = "lease"


@dataclass(frozen=True, slots=True)
class ReturnQuestion:
    """This much of the life's hold on a budget's period will not be drawn."""

    life: str
    budget_id: str
    period_start_us: int
    amount: int
    kind: Literal["return"] = "return"


def gateway_of(life: str) -> str:
    """The id of its spool, by which a gateway is known in all its lives; a gateway of an older version has but one."""
    return life.partition("-")[0]


def life_of(gateway: str, mark: str) -> str:
    """The other way: by what tells a life from the gateway's others, as usage events have it; empty in those of an older version."""
    return f"{gateway}-{mark}" if mark else gateway


AnyQuestion: TypeAlias = Question | LeaseQuestion | ReturnQuestion | SharesQuestion
_QUESTIONS: Final = {"flow": Question, "lease": LeaseQuestion, "return": ReturnQuestion}


@dataclass(frozen=True, slots=True)
class Lease:
    """More to draw from a budget. All that the gateway holds of it is good for `term_ms` from now on."""

    granted: int
    """Nanodollars, at least what was needed."""
    term_ms: int
    remaining: int
    """What of the budget nobody holds after this grant: tells the gateway how near its end is."""

    def to_json(self) -> str:
        """The wire form that `Engine.answer` takes."""
        return json.dumps({"lease": self}, default=_fields)


@dataclass(frozen=True, slots=True)
class Spent:
    """There is not as much left of the budget as was needed."""

    amount: int
    """Nanodollars of the budget, raises included."""
    spent: int
    held: int
    """By all gateways, for requests that have not ended and for those that may come."""
    resets_at_us: int | None
    """When its next period begins; None for a budget without end."""
    hard: bool = True

    def to_json(self) -> str:
        """The wire form that `Engine.answer` takes."""
        return json.dumps({"spent": self}, default=_fields)


@dataclass(frozen=True, slots=True)
class Returned:
    """What was given back is nobody's any more."""

    def to_json(self) -> str:
        """The wire form that `Engine.answer` takes."""
        return json.dumps({"returned": {}})


LimitUnit = Literal["requests", "tokens", "spend", "concurrent"]


@dataclass(frozen=True, slots=True)
class Limit:
    """A rate that requests of the flow are held to, in a sliding window."""

    id: str
    scope: Scope
    """For the words of the error."""
    unit: LimitUnit
    amount: int
    """Nanodollars for spend."""
    window_s: int
    """60, 3600 or 86400; 0 for requests that run at the same time."""
    used: tuple[tuple[int, int], ...] = ()
    """(second of the epoch, amount): what the window holds already when this engine begins to count it. An engine that asks for
    shares leaves it out: what was used is in the shares of who used it."""


@dataclass(frozen=True, slots=True)
class Budget:
    """An amount of charge for a period, which requests of the flow draw from. Only a hard one refuses."""

    id: str
    scope: Scope
    hard: bool
    amount: int
    """Nanodollars, raises included."""
    period_start_us: int
    period_end_us: int | None = None
    """None where it has no end."""


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
    rates: tuple[int, ...] | None = None
    """Nanodollars per million units, in the order of `catalog.contracts.Rates`; None where nobody set a price."""
    max_output_tokens: int | None = None
    """The most that the model can answer; None where it is not known."""


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


MOST_BUDGETS = 20
"""Of one flow, a hard one per scope and period: their ids must fit into each of its usage records."""


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
    user_id: str = ""
    """Whose key it is; empty where it belongs to no user."""
    limits: tuple[Limit, ...] = ()
    budgets: tuple[Budget, ...] = ()
    """At most MOST_BUDGETS. The flow ends with the first of their periods."""
    markup_ppm: int = 0
    """What the organisation pays above the provider's price, in millionths; a discount is negative."""
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


Answer: TypeAlias = Flow | Refusal | Lease | Spent | Returned | Shares


def _fields(
    value: Flow
    | Refusal
    | Lease
    | Spent
    | Target
    | Credential
    | Policy
    | Document
    | Limit
    | Budget
    | Signing
    | SigningSecret,
) -> dict[str, object]:
    # A quarter of what dataclasses.asdict takes, which copies deeply what the encoder only reads.
    return {name: getattr(value, name) for name in value.__slots__}


def question_from_json(text: str) -> AnyQuestion:
    """Read what `Engine.take_questions` gave."""
    fields = json.loads(text)
    if fields.get("kind") == "shares":
        return SharesQuestion.read(fields)
    question: AnyQuestion = _QUESTIONS[fields.get("kind", "flow")](**fields)
    return question
