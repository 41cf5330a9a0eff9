"""What the management API takes and shows. Written by `make client` from docs/reference/openapi.json; do not change it by hand."""

from __future__ import annotations

from typing import Any, Generic, Literal, NotRequired, TypedDict, TypeVar

T = TypeVar("T")


class Page(TypedDict, Generic[T]):
    """One page of a list."""

    data: list[T]
    meta: dict[str, Any]
    links: Links


class AcceptanceBody(TypedDict):
    """The link's secret, and how the new account is to be called."""

    name: NotRequired[str | None]
    password: NotRequired[str | None]
    token: str


class AcceptanceOut(TypedDict):
    """Who joined what, as what."""

    account_made: bool
    email: str
    organization_id: str
    role: Literal["admin", "maintainer", "viewer"]
    user_id: str


class AccountOut(TypedDict):
    """An account, and what its entries come to. Debit is positive, credit negative."""

    account: int
    balance: MoneyOut
    budget_id: str
    entries: int
    key_id: str
    kind: Literal["charge", "payable", "margin", "authorized", "available", "held", "spent"]
    period_start: str | None
    project_id: str
    provider_id: str
    source: str


class AlertOut(TypedDict):
    """A threshold that was crossed in this period."""

    authorized: MoneyOut
    crossed_at: str
    percent: int
    spent: MoneyOut


class AliveOut(TypedDict):
    """The process answers."""

    status: NotRequired[Literal["ok"]]
    version: NotRequired[str]


class AuditEventOut(TypedDict):
    """One change: who, what, before and after, from where."""

    action: str
    actor_id: str
    actor_kind: str
    after: Any
    at: str
    before: Any
    hash: str
    id: str
    key_id: str | None
    organization_id: str
    request_id: str | None
    resource_id: str
    resource_type: str
    sequence: int | None
    source: str | None
    trail: str


class BudgetChangesIn(TypedDict):
    """What is to be another. What a budget is of, and its periods, stay as they are: for others make another
    budget.
    """

    amount_nanodollars: NotRequired[int | None]
    hard: NotRequired[bool | None]
    name: NotRequired[str | None]
    thresholds: NotRequired[list[int] | None]


class BudgetOut(TypedDict):
    """A budget, and how it stands."""

    amount: MoneyOut
    anchor: int
    created_at: str
    current: PeriodOut
    hard: bool
    id: str
    name: str
    period: Literal["day", "week", "month", "total"]
    raises: list[RaiseOut]
    scope: Literal["organization", "project", "user", "key", "model"]
    scope_id: str
    thresholds: list[int]
    time_zone: str
    version: int


class CheckOut(TypedDict):
    """One thing that was looked at."""

    detail: str
    name: str
    since: str | None
    state: Literal["ok", "degraded", "failed"]


class ClientSecretOut(TypedDict):
    """How the client secret is kept: sealed in the database, or as a reference."""

    kind: Literal["sealed", "reference"]
    reference: str | None


class ClosedPeriodOut(TypedDict):
    """What began in that time, as it stood when it was closed."""

    charge: MoneyOut
    closed_at: str
    cost: MoneyOut
    end: str
    id: str
    records: int
    start: str | None


class ClosingIn(TypedDict):
    """Until when to close."""

    until: str


class CodeBody(TypedDict):
    """Proof that the app has the secret."""

    code: str


class ComparedOut(TypedDict):
    """Roll-ups of a day beside what its records, and what re-ratings changed in them, come to."""

    day: str
    nanodollars: int
    sums: int
    wrong: int


class ConfirmedBody(TypedDict):
    """One's password, for what makes the account weaker or stronger."""

    password: str


class ConnectionChangeBody(TypedDict):
    """What to change; what is left out stays as it is."""

    allowed_domains: NotRequired[list[str] | None]
    client_id: NotRequired[str | None]
    client_secret: NotRequired[str | None]
    client_secret_reference: NotRequired[str | None]
    default_role: NotRequired[Literal["admin", "maintainer", "viewer"] | None]
    enabled: NotRequired[bool | None]
    group_claim: NotRequired[str | None]
    group_roles: NotRequired[list[GroupRoleBody] | None]
    issuer: NotRequired[str | None]
    joins: NotRequired[bool | None]
    name: NotRequired[str | None]
    scopes: NotRequired[list[str] | None]


class ConnectionOut(TypedDict):
    """How people sign in by their directory."""

    allowed_domains: list[str]
    client_id: str
    client_secret: ClientSecretOut
    created_at: str
    created_by: str
    default_role: Literal["admin", "maintainer", "viewer"] | None
    enabled: bool
    group_claim: str
    group_roles: list[GroupRoleOut]
    id: str
    issuer: str
    joins: bool
    name: str
    organization_id: str
    redirect_uri: str | None
    scopes: list[str]
    start_path: str
    version: int


class CredentialOut(TypedDict):
    """How a credential is kept: sealed in the database, or as a reference."""

    kind: Literal["sealed", "reference"]
    last4: str | None
    reference: str | None


class DaysBody(TypedDict):
    """Which days (UTC)."""

    first_day: NotRequired[str | None]
    last_day: NotRequired[str | None]


class DeadLetterOut(TypedDict):
    """A message that nobody will be given any more, unless it is replayed."""

    deliveries: int | None
    died_at: str | None
    id: str
    level: Literal["high", "normal", "low"]
    occurred_at: str
    organization_id: str
    queue: str
    reason: Literal["rejected", "delivery_limit", "expired"]
    size_bytes: int
    subject: str
    type: str


class DeadLetterWithPayloadOut(TypedDict):
    """One of them, and what is in it."""

    content_type: str
    deliveries: int | None
    died_at: str | None
    id: str
    level: Literal["high", "normal", "low"]
    occurred_at: str
    organization_id: str
    payload: str
    payload_is_cut: bool
    queue: str
    reason: Literal["rejected", "delivery_limit", "expired"]
    size_bytes: int
    subject: str
    type: str


class DeadLettersOut(TypedDict):
    """What is dead."""

    letters: list[DeadLetterOut]
    queues: list[QueueOut]


class DeploymentChangesIn(TypedDict):
    """What is to be different; what is left out stays."""

    enabled: NotRequired[bool | None]
    max_output_tokens: NotRequired[int | None]
    stream_usage: NotRequired[bool | None]
    weight: NotRequired[int | None]


class DeploymentOut(TypedDict):
    """A deployment. It can be called as `provider/upstream_model`, whatever aliases there are."""

    created_at: str
    enabled: bool
    id: str
    max_output_tokens: int | None
    origin: Literal["manual", "discovered", "builtin"]
    provider: str
    provider_id: str
    stream_usage: bool
    updated_at: str
    upstream_model: str
    version: int
    weight: int


class DirectoryChangeBody(TypedDict):
    """How to take what the directory says."""

    default_role: Literal["admin", "maintainer", "viewer"]


class DirectoryGroupOut(TypedDict):
    """A group of the directory."""

    changed_at: str
    created_at: str
    external_id: str | None
    id: str
    name: str
    role: Literal["admin", "maintainer", "viewer"] | None
    version: int


class DirectoryOut(TypedDict):
    """How the organisation takes what its directory says."""

    default_role: Literal["admin", "maintainer", "viewer"]
    id: str
    version: int


class DirectoryTokenOut(TypedDict):
    """A token, without the token."""

    created_at: str
    created_by: str
    expires_at: str | None
    id: str
    last4: str
    last_used_at: str | None
    name: str
    organization_id: str
    revoked_at: str | None
    state: Literal["active", "expired", "revoked"]
    version: int


class DoneOut(TypedDict):
    """What rating anew has changed, of some of the records."""

    models: list[ModelFiguresOut]
    next: str | None
    re_rating: ReRatingOut | None


class EntryOut(TypedDict):
    """One amount on one account. Debit is positive, credit negative."""

    account: int
    amount: MoneyOut
    budget_id: str
    key_id: str
    kind: Literal["charge", "payable", "margin", "authorized", "available", "held", "spent"]
    period_start: str | None
    project_id: str
    provider_id: str
    source: str
    transaction: int


class FiguresOut(TypedDict):
    """Sums over some requests."""

    audio_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    charge_nanodollars: int
    charge_usd: str
    cost_nanodollars: int
    cost_usd: str
    duration_us: int
    errors: int
    estimated_requests: int
    image_tokens: int
    images: int
    input_tokens: int
    milliseconds: int
    output_tokens: int
    partial_requests: int
    reasoning_tokens: int
    requests: int
    unpriced_requests: int


class ForecastOut(TypedDict):
    """An estimate of what a period will come to."""

    end: str
    expected: FiguresOut
    mean_from: str
    mean_until: str
    method: str
    period: Literal["day", "week", "month"]
    so_far: FiguresOut
    start: str


class GatewayOut(TypedDict):
    """A gateway in another process."""

    address: str
    away_since: str | None
    behind: int
    control: str
    drained: bool
    draining_since: str | None
    held_nanodollars: int
    held_usd: str
    id: str
    last_heard_at: str
    newest_revision: int
    open_requests: int | None
    revision: int
    state: Literal["watching", "away"]
    version: str | None
    waiting_records: int | None
    watching_since: str | None


class GrantedOut(TypedDict):
    """A session, and its tokens unless they went into cookies."""

    access_token: str | None
    access_token_expires_at: str
    csrf_token: str | None
    must_change_password: bool
    organization_id: str | None
    refresh_token: str | None
    session_expires_at: str
    session_id: str
    token_type: NotRequired[Literal["Bearer"]]
    user: SignedInUserOut


class GroupMappingBody(TypedDict):
    """What belonging to the group makes of somebody."""

    role: Literal["admin", "maintainer", "viewer"] | None


class GroupRoleBody(TypedDict):
    """What the members of a group of the directory are here."""

    group: str
    role: Literal["admin", "maintainer", "viewer"]


class GroupRoleOut(TypedDict):
    """What the members of a group are here."""

    group: str
    role: Literal["admin", "maintainer", "viewer"]


class HealthOut(TypedDict):
    """Whether requests may be sent here."""

    checks: list[CheckOut]
    spool: dict[str, Any] | None
    status: Literal["ready", "degraded", "unready"]
    version: str


class InvitationOut(TypedDict):
    """An invitation, without its secret."""

    accepted_at: str | None
    created_at: str
    created_by: str
    email: str
    expires_at: str
    id: str
    organization_id: str
    revoked_at: str | None
    role: Literal["admin", "maintainer", "viewer"]
    state: Literal["pending", "accepted", "revoked", "expired"]
    version: int


class JwkOut(TypedDict):
    """A public key (RFC 7517)."""

    alg: str
    crv: str
    kid: str
    kty: str
    use: str
    x: str
    y: str


class JwksOut(TypedDict):
    """The public keys that verify access tokens: the newest signs, older ones go when their last token is over."""

    keys: list[JwkOut]


class KeyChangeBody(TypedDict):
    """What to change; what is left out stays as it is."""

    allowed_addresses: NotRequired[list[str] | None]
    allowed_endpoints: NotRequired[list[str] | None]
    allowed_models: NotRequired[list[str] | None]
    bearer: NotRequired[bool | None]
    expires_at: NotRequired[str | None]
    name: NotRequired[str | None]


class KeyOut(TypedDict):
    """A key, without the key."""

    allowed_addresses: list[str] | None
    allowed_endpoints: list[str] | None
    allowed_models: list[str] | None
    bearer: bool
    created_at: str
    created_by: str
    expires_at: str | None
    id: str
    kind: Literal["inference", "management"]
    last4: str
    last_used_at: str | None
    name: str
    organization_id: str
    owner: OwnerOut | None
    permissions: list[Literal["inference", "account:use", "organizations:read", "projects:read", "projects:write", "members:read", "members:write", "sso-connections:read", "sso-connections:write", "service-accounts:read", "service-accounts:write", "keys:read", "keys:write", "providers:read", "providers:write", "models:read", "models:write", "prices:read", "prices:write", "limits:read", "limits:write", "usage:read", "budgets:read", "budgets:write", "ledger:read", "ledger:write", "audit:read", "status:read", "metrics:read", "installation:operate", "directory:provision"]]
    prefix: str
    previous_until: str | None
    project_id: str
    revoked_at: str | None
    scopes: list[Literal["inference", "management:read", "management:write"]]
    signs: bool
    state: Literal["active", "suspended", "expired", "revoked"]
    suspension: Literal["organization_disabled", "project_archived", "owner_disabled", "owner_left"] | None
    version: int


class KeyUseOut(TypedDict):
    """A key that seals stored secrets. The key itself is never shown."""

    id: str
    is_current: bool
    is_missing: bool
    secrets: int


class KeyringOut(TypedDict):
    """The keys, the oldest first."""

    keys: list[KeyUseOut]


class LargePageMeta(TypedDict):
    """About one page of a list that may be gone through by cursor."""

    page: int | None
    per_page: int
    request_id: str
    timestamp: str
    total: int
    total_pages: int


class LeaseOut(TypedDict):
    """What one gateway has borrowed of a budget's period."""

    amount: MoneyOut
    budget: str
    budget_id: str
    gateway: str
    period_end: str | None
    period_start: str
    until: str


class LimitChangesIn(TypedDict):
    """What it is from now on."""

    amount: int


class LimitOut(TypedDict):
    """A limit."""

    amount: int
    amount_usd: str | None
    created_at: str
    id: str
    scope: Literal["organization", "project", "user", "key", "model"]
    scope_id: str
    unit: Literal["requests", "tokens", "spend", "concurrent"]
    updated_at: str
    version: int
    window: Literal["minute", "hour", "day"] | None


class Links(TypedDict):
    """Where to go from here, relative to the server; null where there is nothing."""

    next: NotRequired[str | None]
    prev: NotRequired[str | None]
    self: str


class LoginBody(TypedDict):
    """What somebody signs in with."""

    code: NotRequired[str | None]
    email: str
    mode: NotRequired[Literal["token", "cookie"]]
    organization_id: NotRequired[str | None]
    password: str
    recovery_code: NotRequired[str | None]


class MarkUpOut(TypedDict):
    """A mark-up; it holds until the next one begins."""

    created_at: str
    id: str
    organization_id: str
    ppm: int
    valid_from: str
    version: int


class MeOut(TypedDict):
    """Who calls, and what they may do where they act."""

    id: str
    is_operator: bool
    kind: Literal["user", "service_account", "key", "directory", "system"]
    memberships: list[OwnMembershipOut]
    must_change_password: bool
    organization_id: str | None
    permissions: list[Literal["inference", "account:use", "organizations:read", "projects:read", "projects:write", "members:read", "members:write", "sso-connections:read", "sso-connections:write", "service-accounts:read", "service-accounts:write", "keys:read", "keys:write", "providers:read", "providers:write", "models:read", "models:write", "prices:read", "prices:write", "limits:read", "limits:write", "usage:read", "budgets:read", "budgets:write", "ledger:read", "ledger:write", "audit:read", "status:read", "metrics:read", "installation:operate", "directory:provision"]]
    session_id: str | None
    user: SignedInUserOut | None


class MemberChangeBody(TypedDict):
    """What they are to be."""

    role: Literal["admin", "maintainer", "viewer"]


class MemberOut(TypedDict):
    """Somebody who belongs to the organisation."""

    created_at: str
    created_by: str
    email: str
    id: str
    name: str
    organization_id: str
    role: Literal["admin", "maintainer", "viewer"]
    state: Literal["active", "disabled"]
    user_id: str
    version: int


class Meta(TypedDict):
    """About the answer."""

    request_id: str
    timestamp: str


class ModelChangesIn(TypedDict):
    """Where the alias points from now on."""

    targets: list[TargetIn]


class ModelFiguresOut(TypedDict):
    """Of one model."""

    adjusted: int
    charge_after: MoneyOut
    charge_before: MoneyOut
    cost_after: MoneyOut
    cost_before: MoneyOut
    model: str
    records: int
    unpriced_after: int
    unpriced_before: int


class ModelOut(TypedDict):
    """A name that callers can use."""

    alias: str
    created_at: str
    id: str
    kind: Literal["alias", "deployment"]
    origin: Literal["manual", "discovered", "builtin"]
    owner: Literal["organization", "installation"]
    targets: list[TargetOut]
    updated_at: str
    version: int


class MoneyOut(TypedDict):
    """An amount."""

    nanodollars: int
    usd: str


class NewBudgetIn(TypedDict):
    """How much may be charged per period for something."""

    amount_nanodollars: int
    anchor: NotRequired[int | None]
    hard: NotRequired[bool]
    name: str
    period: Literal["day", "week", "month", "total"]
    scope: Literal["organization", "project", "user", "key", "model"]
    scope_id: NotRequired[str | None]
    thresholds: NotRequired[list[int]]
    time_zone: NotRequired[str]


class NewConnectionBody(TypedDict):
    """A connection to make, with one of `client_secret` and `client_secret_reference`."""

    allowed_domains: list[str]
    client_id: str
    client_secret: NotRequired[str | None]
    client_secret_reference: NotRequired[str | None]
    default_role: NotRequired[Literal["admin", "maintainer", "viewer"] | None]
    enabled: NotRequired[bool]
    group_claim: NotRequired[str]
    group_roles: NotRequired[list[GroupRoleBody]]
    issuer: str
    joins: NotRequired[bool]
    name: str
    scopes: NotRequired[list[str] | None]


class NewDeploymentIn(TypedDict):
    """A deployment to add; `provider` is an id or a name."""

    enabled: NotRequired[bool]
    max_output_tokens: NotRequired[int | None]
    provider: str
    stream_usage: NotRequired[bool]
    upstream_model: str
    weight: NotRequired[int]


class NewDirectoryTokenBody(TypedDict):
    """A token to make."""

    expires_at: NotRequired[str | None]
    name: str


class NewDirectoryTokenOut(TypedDict):
    """A token that was just made."""

    created_at: str
    created_by: str
    expires_at: str | None
    id: str
    last4: str
    last_used_at: str | None
    name: str
    organization_id: str
    revoked_at: str | None
    state: Literal["active", "expired", "revoked"]
    token: str
    version: int


class NewInvitationBody(TypedDict):
    """Whom to invite, as what."""

    email: str
    role: NotRequired[Literal["admin", "maintainer", "viewer"]]


class NewInvitationOut(TypedDict):
    """An invitation that was just made."""

    accepted_at: str | None
    created_at: str
    created_by: str
    email: str
    expires_at: str
    id: str
    link: str
    organization_id: str
    revoked_at: str | None
    role: Literal["admin", "maintainer", "viewer"]
    state: Literal["pending", "accepted", "revoked", "expired"]
    token: str
    version: int


class NewKeyBody(TypedDict):
    """A key to make, or to import."""

    allowed_addresses: NotRequired[list[str] | None]
    allowed_endpoints: NotRequired[list[str] | None]
    allowed_models: NotRequired[list[str] | None]
    bearer: NotRequired[bool | None]
    expires_at: NotRequired[str | None]
    kind: NotRequired[Literal["inference", "management"]]
    name: str
    owner: NotRequired[Literal["me", "project"]]
    permissions: NotRequired[list[Literal["inference", "account:use", "organizations:read", "projects:read", "projects:write", "members:read", "members:write", "sso-connections:read", "sso-connections:write", "service-accounts:read", "service-accounts:write", "keys:read", "keys:write", "providers:read", "providers:write", "models:read", "models:write", "prices:read", "prices:write", "limits:read", "limits:write", "usage:read", "budgets:read", "budgets:write", "ledger:read", "ledger:write", "audit:read", "status:read", "metrics:read", "installation:operate", "directory:provision"]] | None]
    project_id: NotRequired[str | None]
    scopes: NotRequired[list[Literal["inference", "management:read", "management:write"]] | None]
    service_account_id: NotRequired[str | None]
    sha256: NotRequired[str | None]
    signing: NotRequired[bool]


class NewKeyOut(TypedDict):
    """A key that was just made."""

    allowed_addresses: list[str] | None
    allowed_endpoints: list[str] | None
    allowed_models: list[str] | None
    bearer: bool
    created_at: str
    created_by: str
    expires_at: str | None
    id: str
    key: str | None
    kind: Literal["inference", "management"]
    last4: str
    last_used_at: str | None
    name: str
    organization_id: str
    owner: OwnerOut | None
    permissions: list[Literal["inference", "account:use", "organizations:read", "projects:read", "projects:write", "members:read", "members:write", "sso-connections:read", "sso-connections:write", "service-accounts:read", "service-accounts:write", "keys:read", "keys:write", "providers:read", "providers:write", "models:read", "models:write", "prices:read", "prices:write", "limits:read", "limits:write", "usage:read", "budgets:read", "budgets:write", "ledger:read", "ledger:write", "audit:read", "status:read", "metrics:read", "installation:operate", "directory:provision"]]
    prefix: str
    previous_until: str | None
    project_id: str
    revoked_at: str | None
    scopes: list[Literal["inference", "management:read", "management:write"]]
    signs: bool
    state: Literal["active", "suspended", "expired", "revoked"]
    suspension: Literal["organization_disabled", "project_archived", "owner_disabled", "owner_left"] | None
    version: int


class NewKeysBody(TypedDict):
    """Keys to make in one go."""

    keys: list[NewKeyBody]


class NewLimitIn(TypedDict):
    """So many units in any window of that length, for all that the scope sends together. The strictest one wins."""

    amount: int
    scope: Literal["organization", "project", "user", "key", "model"]
    scope_id: NotRequired[str | None]
    unit: Literal["requests", "tokens", "spend", "concurrent"]
    window: NotRequired[Literal["minute", "hour", "day"] | None]


class NewMarkUpIn(TypedDict):
    """What an organisation pays on top of the cost, from some time on."""

    organization_id: NotRequired[str | None]
    ppm: int
    valid_from: NotRequired[str | None]


class NewModelIn(TypedDict):
    """An alias to make. Traffic is shared by weight; targets of weight 0 take over when all others have failed."""

    alias: str
    targets: list[TargetIn]


class NewOrganizationBody(TypedDict):
    """An organisation to make."""

    name: str


class NewPriceIn(TypedDict):
    """A price of an upstream model at one of your providers, by id or name. It wins over the shipped one."""

    as_of: NotRequired[str | None]
    provider: str
    rates: RatesIn
    source: NotRequired[str]
    upstream_model: str
    valid_from: NotRequired[str | None]
    valid_to: NotRequired[str | None]


class NewProjectBody(TypedDict):
    """A project to make."""

    name: str


class NewProviderIn(TypedDict):
    """A provider to add, with at most one of `api_key` and `credential_reference`."""

    api_key: NotRequired[str | None]
    base_url: str
    credential_reference: NotRequired[str | None]
    dialect: NotRequired[Literal["openai"]]
    name: str


class NewRaiseIn(TypedDict):
    """More for a while."""

    amount_nanodollars: int
    until: str


class NewServiceAccountBody(TypedDict):
    """A service account to make."""

    name: str
    project_id: NotRequired[str | None]
    role: NotRequired[Literal["admin", "maintainer", "viewer"]]


class OneTimePasswordOut(TypedDict):
    """What lets somebody in once more, shown this once; then they choose their own."""

    email: str
    password: str
    user_id: str


class OrganizationChangeBody(TypedDict):
    """What to change; what is left out stays as it is."""

    name: NotRequired[str | None]
    state: NotRequired[Literal["active", "disabled"] | None]


class OrganizationOut(TypedDict):
    """A tenant."""

    created_at: str
    id: str
    name: str
    state: Literal["active", "disabled"]
    version: int


class OwnMembershipOut(TypedDict):
    """Where one belongs, and as what."""

    organization_id: str
    role: Literal["admin", "maintainer", "viewer"]


class OwnerOut(TypedDict):
    """Whose key it is."""

    id: str
    kind: Literal["user", "service_account"]
    name: str


class PageMeta(TypedDict):
    """About one page of a list."""

    page: int
    per_page: int
    request_id: str
    timestamp: str
    total: int
    total_pages: int


class PasswordBody(TypedDict):
    """Another password."""

    current_password: str
    new_password: str


class PendingDaysOut(TypedDict):
    """What is still to be made anew."""

    days: list[str]


class PeriodOut(TypedDict):
    """How the budget stands in the period that runs."""

    alerts: list[AlertOut]
    authorized: MoneyOut
    end: str | None
    held: MoneyOut
    left: MoneyOut
    spent: MoneyOut
    start: str


class PreviewOut(TypedDict):
    """What rating anew would change, of some of the records."""

    models: list[ModelFiguresOut]
    next: str | None


class PriceOut(TypedDict):
    """A price, from `valid_from` until just before `valid_to`."""

    as_of: str
    created_at: str
    id: str
    provider: str
    rates: RatesOut
    shipped: bool
    source: str
    upstream_model: str
    valid_from: str
    valid_to: str | None
    version: int


class Problem(TypedDict):
    """An error, as every management route answers it."""

    detail: str
    error: ProblemError
    instance: str
    meta: Meta
    status: int
    title: str
    type: str


class ProblemError(TypedDict):
    """The error for programs."""

    code: str
    details: list[ProblemField]


class ProblemField(TypedDict):
    """What is wrong with one field."""

    code: str
    field: str
    message: str


class ProjectChangeBody(TypedDict):
    """What to change; what is left out stays as it is."""

    name: NotRequired[str | None]
    state: NotRequired[Literal["active", "archived"] | None]


class ProjectOut(TypedDict):
    """A part of an organisation."""

    created_at: str
    id: str
    name: str
    organization_id: str
    state: Literal["active", "archived"]
    version: int


class ProofOut(TypedDict):
    """What was looked at, and what was found."""

    adjustments: int
    agrees: bool
    budget_periods: int
    entries: int
    faults: list[headworks__ledger__http__verification__FaultOut]
    finished: bool
    forgotten_records: int
    records: int
    transactions: int


class ProviderChangesIn(TypedDict):
    """What is to be different; what is left out stays."""

    api_key: NotRequired[str | None]
    base_url: NotRequired[str | None]
    credential_reference: NotRequired[str | None]
    remove_credential: NotRequired[bool]


class ProviderOut(TypedDict):
    """A provider."""

    base_url: str
    created_at: str
    credential: CredentialOut | None
    dialect: Literal["openai", "echo"]
    id: str
    name: str
    origin: Literal["manual", "discovered", "builtin"]
    problem: str | None
    updated_at: str
    version: int


class QueueOut(TypedDict):
    """How a queue stands."""

    dead: int
    name: str
    waiting: int


class RaiseOut(TypedDict):
    """More, until then."""

    amount: MoneyOut
    created_at: str
    id: str
    until: str


class RangeIn(TypedDict):
    """Which records, by when their requests began."""

    after: NotRequired[str | None]
    end: NotRequired[str | None]
    model: NotRequired[str | None]
    provider_id: NotRequired[str | None]
    start: str
    upstream_model: NotRequired[str | None]


class RatesIn(TypedDict):
    """Nanodollars per million units of each bucket of usage; a dollar is 1000000000.  What is left out follows
    from what it belongs to: cached, audio and image input costs as input does, reasoning and audio output as
    output does; the rest costs nothing.
    """

    cache_read: NotRequired[int | None]
    cache_write_1h: NotRequired[int | None]
    cache_write_5m: NotRequired[int | None]
    images: NotRequired[int | None]
    input: NotRequired[int | None]
    input_audio: NotRequired[int | None]
    input_image: NotRequired[int | None]
    milliseconds: NotRequired[int | None]
    output: NotRequired[int | None]
    output_audio: NotRequired[int | None]
    reasoning: NotRequired[int | None]
    requests: NotRequired[int | None]


class RatesOut(TypedDict):
    """Nanodollars per million units of each bucket of usage; a dollar is 1000000000."""

    cache_read: int
    cache_write_1h: int
    cache_write_5m: int
    images: int
    input: int
    input_audio: int
    input_image: int
    milliseconds: int
    output: int
    output_audio: int
    reasoning: int
    requests: int


class ReRatingOut(TypedDict):
    """A re-rating. Its records stay as they are: what it changed are adjusting entries."""

    adjusted: int
    charge_after: MoneyOut
    charge_before: MoneyOut
    cost_after: MoneyOut
    cost_before: MoneyOut
    created_at: str
    end: str | None
    id: str
    model: str | None
    provider_id: str | None
    records: int
    start: str
    upstream_model: str | None


class RebuiltOut(TypedDict):
    """What was found."""

    different: int


class RecoveryCodesOut(TypedDict):
    """Shown this once; each works once."""

    recovery_codes: list[str]


class RefreshBody(TypedDict):
    """The way on for a program; a browser sends its cookie instead."""

    refresh_token: NotRequired[str | None]


class RejectedUsageEventOut(TypedDict):
    """An event that is no record, counts for no budget, and is in no report."""

    event: str
    id: str
    reason: str
    rejected_at: str


class ReplayIn(TypedDict):
    """What to put back."""

    ids: NotRequired[list[str] | None]
    queue: str


class ReplayedOut(TypedDict):
    """What was put back."""

    queue: str
    replayed: int


class RotatedOut(TypedDict):
    """What a rotation did."""

    dropped: list[str]
    key_id: str
    remaining: int
    resealed: int
    resumed: bool


class RotationBody(TypedDict):
    """How to change over."""

    overlap_seconds: NotRequired[int]


class SecondFactorOut(TypedDict):
    """Whether there is one."""

    confirmed_at: str | None
    recovery_codes_left: int


class ServiceAccountChangeBody(TypedDict):
    """What to change; what is left out stays as it is."""

    name: NotRequired[str | None]
    role: NotRequired[Literal["admin", "maintainer", "viewer"] | None]
    state: NotRequired[Literal["active", "disabled"] | None]


class ServiceAccountOut(TypedDict):
    """Who a program is."""

    created_at: str
    created_by: str
    id: str
    name: str
    organization_id: str
    project_id: str
    role: Literal["admin", "maintainer", "viewer"]
    state: Literal["active", "disabled"]
    version: int


class SessionOut(TypedDict):
    """A session, without its tokens."""

    carriage: Literal["bearer", "cookie"]
    created_at: str
    expires_at: str
    id: str
    is_current: bool
    last_seen_at: str
    organization_id: str
    source: str
    user_agent: str


class SetUpOut(TypedDict):
    """What the app has to be told, shown this once."""

    secret: str
    uri: str


class SignedInUserOut(TypedDict):
    """Who signed in."""

    email: str
    id: str
    name: str


class StartingOut(TypedDict):
    """The process answers, and does not serve yet."""

    status: NotRequired[Literal["starting"]]
    version: NotRequired[str]


class StatusOut(TypedDict):
    """The installation at a glance."""

    checks: list[CheckOut]
    data_folder: str
    endpoint: str
    engine: dict[str, Any]
    started_at: str
    status: Literal["ready", "degraded", "unready"]
    uptime_seconds: int
    version: str


class SwitchBody(TypedDict):
    """Where to act from now on."""

    organization_id: str


class TargetIn(TypedDict):
    """Where requests go. The deployment is made when the provider has none of that model yet."""

    provider: str
    upstream_model: str
    weight: NotRequired[int | None]


class TargetOut(TypedDict):
    """One deployment behind a model."""

    deployment_id: str
    enabled: bool
    provider: str
    upstream_model: str
    weight: int


class TokenBody(TypedDict):
    """What a command line got on its loopback address, and what it began with."""

    code: str
    code_verifier: str


class TrailOut(TypedDict):
    """What checking one chain found."""

    anchor: str
    entries: int
    fault: headworks__audit__http__FaultOut | None
    intact: bool
    trail: str
    unkeyed: int


class TransactionOut(TypedDict):
    """Entries that were made together, and add up to nothing. It never changes."""

    at: str
    kind: Literal["usage", "period_opened", "lease_granted", "lease_returned", "lease_reclaimed", "allowance_changed", "re_rating"]
    reference: str
    transaction: int


class UsageEventOut(TypedDict):
    """One request. Its token buckets do not overlap; their sum is the provider's total."""

    attempts: int
    cache_read_tokens: int
    cache_write_1h_tokens: int
    cache_write_5m_tokens: int
    charge_nanodollars: int | None
    charge_usd: str | None
    cost_nanodollars: int | None
    cost_usd: str | None
    delivered_tokens: int | None
    deployment_id: str
    duration_us: int
    endpoint: str
    error_code: str
    event_id: str
    first_byte_us: int | None
    images: int
    input_audio_tokens: int
    input_image_tokens: int
    input_tokens: int
    key_id: str
    milliseconds: int
    model: str
    occurred_at: str
    outcome: str
    output_audio_tokens: int
    output_tokens: int
    price_id: str | None
    project_id: str
    provider_id: str
    re_rating_id: str | None
    reasoning_tokens: int
    source: str
    status: int
    stored_cost_nanodollars: int | None
    streamed: bool
    tags: dict[str, Any]
    transaction: int | None
    upstream_model: str
    upstream_request_id: str
    usage_flags: str
    usage_source: str
    user_id: str


class UsageReport(TypedDict):
    """Figures by group, and their sums."""

    as_of: str | None
    charge_change_ppm: int | None
    days_being_made: int
    end: str
    first_day: str
    group_by: list[str]
    last_day: str
    previous: FiguresOut | None
    rows: list[UsageRow]
    start: str
    time_zone: str
    totals: FiguresOut
    waiting_records: int | None


class UsageReportEnvelope(TypedDict):
    """A report, and which page of its rows this is."""

    data: UsageReport
    links: Links
    meta: PageMeta


class UsageRow(TypedDict):
    """Figures of one group."""

    audio_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    charge_change_ppm: int | None
    charge_nanodollars: int
    charge_usd: str
    cost_nanodollars: int
    cost_usd: str
    day: str | None
    deployment_id: str | None
    duration_us: int
    endpoint: str | None
    errors: int
    estimated_requests: int
    image_tokens: int
    images: int
    input_tokens: int
    key_id: str | None
    key_name: str | None
    milliseconds: int
    model: str | None
    organization_id: str | None
    organization_name: str | None
    outcome: str | None
    output_tokens: int
    partial_requests: int
    previous: FiguresOut | None
    project_id: str | None
    project_name: str | None
    provider_id: str | None
    provider_name: str | None
    reasoning_tokens: int
    requests: int
    start: str | None
    status: int | None
    tags: dict[str, Any] | None
    unpriced_requests: int
    upstream_model: str | None
    user_id: str | None
    user_name: str | None


class UserChangeBody(TypedDict):
    """What to change; what is left out stays as it is."""

    is_operator: NotRequired[bool | None]
    name: NotRequired[str | None]
    state: NotRequired[Literal["active", "disabled"] | None]


class UserOut(TypedDict):
    """A person."""

    created_at: str
    created_by: str
    email: str
    id: str
    is_operator: bool
    name: str
    state: Literal["active", "disabled"]
    version: int


class VerificationOut(TypedDict):
    """What checking every chain found."""

    intact: bool
    trails: list[TrailOut]


class WholeTransactionOut(TypedDict):
    """With its entries."""

    at: str
    entries: list[EntryOut]
    kind: Literal["usage", "period_opened", "lease_granted", "lease_returned", "lease_reclaimed", "allowance_changed", "re_rating"]
    reference: str
    transaction: int


class headworks__audit__http__FaultOut(TypedDict):
    """The first place where a chain does not hold."""

    id: str | None
    problem: str
    sequence: int


class headworks__ledger__http__verification__FaultOut(TypedDict):
    """Something that does not agree."""

    budget_id: str | None
    difference: int
    period_start: str | None
    problem: Literal["unbalanced", "records_differ", "stray_records", "unsettled_records", "adjustments_differ", "counters_differ", "holds_differ", "spent_differs"]
    transaction: int | None
