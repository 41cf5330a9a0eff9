"""Everything that can be set, read once from `headworks.toml`, `HEADWORKS_…` variables and the command line, before a port opens.

A wrong value or a name that we do not know stops the start: half-understood settings are worse than none.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from headworks.bootstrap.discovery.places import NAMES
from headworks.identity.domain.emails import check_email
from headworks.kernel.errors import Invalid
from headworks.kernel.outbound import checked_url
from headworks.kernel.secrets import Secret
from headworks.usage.settings import TAG_VALUES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

    from pydantic_core import ErrorDetails

PREFIX: Final = "HEADWORKS_"
CLIENTS: Final = frozenset({"HEADWORKS_URL", "HEADWORKS_CONFIG"})
"""Variables of the command line, which are no settings."""
DISCOVERY_PREFIX: Final = "HEADWORKS_DISCOVERY_URL_"
"""`HEADWORKS_DISCOVERY_URL_OLLAMA=http://…/v1` moves one place that discovery looks in; empty turns it off."""

MOST_PORT = 65_535
_PEER_HOST: Final = re.compile(r"\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9]([a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?")


_FEWEST_MONTHS: Final = 3


class SettingsError(Exception):
    """The settings are wrong; the text names every one of them and says what would be right."""


class Settings(BaseModel):
    """What an installation can be told. Each field is the variable `HEADWORKS_` + its name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    home: Path = Field(
        default_factory=lambda: Path.home() / ".headworks",
        description="The data folder: databases, keys, credentials and the usage spool.",
    )
    host: str = Field("127.0.0.1", min_length=1, description="The address to listen on; 0.0.0.0 for every network.")
    port: int = Field(8080, ge=0, le=MOST_PORT, description="The port to listen on; 0 takes a free one.")
    tls_cert: Path | None = Field(None, description="PEM file with the certificate chain; with it, HTTPS is spoken.")
    tls_key: Path | None = Field(None, description="PEM file with the certificate's private key.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged, and above.")
    operator_email: str = Field(
        "operator@localhost",
        max_length=254,
        description="The email address of the first operator, made at the first start.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        (),
        description="Networks (CIDR, separated by commas) of the proxies in front, whose X-Forwarded-For is believed.",
    )
    drain_seconds: float = Field(
        30.0, ge=0, le=86_400, description="How long open requests may go on after a stop was asked for."
    )
    leave_seconds: float = Field(
        0.0,
        ge=0,
        le=3_600,
        description="For `headworks run gateway`: how long after a stop was asked for new connections are still taken, while "
        "`/ready` answers 503, so that balancers which look there leave first.",
    )

    discovery: bool = Field(
        default=True, description="Whether providers and model servers are looked for at the start."
    )
    discovery_addresses: dict[str, str] = Field(
        default_factory=dict,
        description="Other base URLs for places that discovery looks in, as HEADWORKS_DISCOVERY_URL_<PLACE>.",
    )
    private_networks: bool = Field(
        default=True,
        description="Whether operators may give providers and directories loopback and private addresses, as one's own "
        "servers have.",
    )
    public_url: str | None = Field(
        None,
        description="How browsers reach this server, such as https://gateway.example.com, for single sign-on; needed where "
        "a proxy in front speaks TLS.",
    )

    require_if_match: bool = Field(
        default=False,
        description="Whether the management API lets nobody change or remove what they have not seen: 428 without If-Match.",
    )
    database_url: Secret | None = Field(
        None,
        description="The database of every context, such as `postgresql://user:password@host/name`; without it, SQLite "
        "files in the data folder. [Databases](../guides/databases.md) has more.",
    )
    identity_database_url: Secret | None = Field(
        None, description="That of organisations, projects and keys, if another."
    )
    catalog_database_url: Secret | None = Field(None, description="That of providers, models and prices, if another.")
    limits_database_url: Secret | None = Field(None, description="That of limits, if another.")
    usage_database_url: Secret | None = Field(None, description="That of usage, if another.")
    database_connections: int = Field(
        5,
        ge=2,
        le=1_000,
        description="The most connections to a database server for each context; one of them writes. The controller and "
        "the shipper together have as many again for identity, for the catalog and for limits.",
    )
    database_connect_seconds: float = Field(
        5.0, gt=0, le=600, description="How long connecting to a database server may take."
    )
    database_lock_seconds: float = Field(
        5.0, gt=0, le=600, description="How long a statement waits for another transaction on a database server."
    )
    database_statement_seconds: float = Field(
        30.0,
        gt=0,
        le=3_600,
        description="How long one statement may take on a database server; a transaction, twice that.",
    )
    access_token_seconds: int = Field(600, ge=60, le=3_600, description="How long an access token is valid.")
    session_idle_seconds: int = Field(
        7 * 86_400, ge=300, le=365 * 86_400, description="After how long without a refresh a session ends."
    )
    session_seconds: int = Field(
        30 * 86_400, ge=300, le=365 * 86_400, description="After how long a session ends, whatever happens."
    )
    signing_key_seconds: int = Field(
        30 * 86_400, ge=3_600, le=365 * 86_400, description="How long one key signs access tokens before the next does."
    )
    token_issuer: str = Field(
        "headworks", min_length=1, max_length=256, description="The issuer that access tokens name (iss)."
    )
    password_cost: int = Field(
        12, ge=10, le=16, description="The cost of hashing a password with bcrypt; each one more takes twice as long."
    )

    upstream_connect_ms: int = Field(
        5_000, gt=0, le=3_600_000, description="How long connecting to a provider may take, its TLS handshake included."
    )
    upstream_first_byte_ms: int = Field(
        600_000, gt=0, le=3_600_000, description="How long a provider may think before it answers."
    )
    upstream_idle_ms: int = Field(
        120_000, gt=0, le=3_600_000, description="How long a provider that has begun to answer may be silent."
    )
    upstream_total_ms: int = Field(
        3_600_000, gt=0, le=86_400_000, description="How long a provider's answer may take in all."
    )

    keyring: Path | None = Field(
        None,
        description="The file with the keys that stored secrets are sealed with, if it is not the data folder's `keyring`: the "
        "same one for all processes on the same databases.",
    )
    bus_url: Secret | None = Field(
        None,
        description="For `headworks run gateway` and `run usage`: the message broker that usage travels by, such as "
        "`amqps://user:password@host/headworks`. With it `headworks run control` shows and replays dead letters.",
    )
    redis_url: Secret | None = Field(
        None,
        description="For `headworks run control`: the Redis by which several control planes count limits together, such as "
        "`rediss://user:password@host/0`; without it each control plane counts for its own gateways.",
    )
    objects_url: Secret | None = Field(
        None,
        description="The object store that exports are put into, S3-compatible, such as "
        "`s3://KEY:SECRET@s3.example.com/bucket/prefix?region=eu-central-1`; without it they are only downloaded.",
    )
    objects_link_seconds: int = Field(
        3_600, ge=60, le=7 * 86_400, description="How long a link to what lies in the object store may be used."
    )
    gateways_listen: str | None = Field(
        None,
        description="Where gateways in other processes ask this one (gRPC), such as 127.0.0.1:8090; port 0 takes a free one. "
        "It takes the certificates of `HEADWORKS_PEER_…`.",
    )
    new_credentials: bool = Field(
        default=False,
        description="For `headworks run control`: make new first keys, and a new one-time password of the first operator, where "
        "the data folder has none. Otherwise only the first control plane of an installation does.",
    )
    control_address: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="For `headworks run gateway`: where the control plane listens for gateways, such as control.example.com:8090. "
        "Of several, separated by commas, one is asked until it is gone.",
    )
    metrics_networks: tuple[str, ...] = Field(
        ("127.0.0.0/8", "::1/128"),
        description="For `headworks run gateway`: the networks (CIDR, separated by commas) that may read its metrics.",
    )
    peer_ca: Path | None = Field(
        None, description="PEM file of the authority that vouches for this installation's processes: `headworks certs`."
    )
    peer_cert: Path | None = Field(None, description="PEM file with this process's certificate of that authority.")
    peer_key: Path | None = Field(None, description="PEM file with that certificate's private key.")

    audit_anchor_seconds: float = Field(
        3_600.0,
        ge=1,
        le=86_400,
        description="How often the end of each audit trail that moved is noted in the log, which must show `info` for that.",
    )

    upkeep: bool = Field(
        default=True,
        description="Whether this process does what is due by the clock and what takes long: raises and holds that end, sums that "
        "are made anew, records that are forgotten. False where `headworks run worker` does it.",
    )
    usage_minute_hours: int = Field(
        48,
        ge=2,
        le=24 * 366,
        description="For how many hours usage by the minute is kept; limits that outlast a restart need 24.",
    )
    usage_hour_days: int = Field(
        396, ge=32, le=36_600, description="For how many days usage by the hour is kept. Usage by day is kept for ever."
    )
    usage_record_months: int = Field(
        0,
        ge=0,
        le=1_200,
        description="For how many whole months (UTC) before the running one usage records are kept, three at least; 0 for ever.",
    )
    usage_tag_values: int = Field(
        TAG_VALUES,
        ge=1,
        le=10_000,
        description="How many values of a tag reports tell apart, for each organisation and month; the rest is summed as `(other)`. Holds from the next month on.",
    )

    workers: int = Field(0, ge=0, le=1024, description="Threads of the engine; 0 for one a core.")
    body_limit_bytes: int = Field(32 * 1024 * 1024, ge=1024, description="The longest inference body that is taken.")
    bodies_in_flight_bytes: int = Field(
        512 * 1024 * 1024, ge=1024, description="The most that all bodies which are held at a time may have."
    )
    header_timeout_ms: int = Field(10_000, gt=0, description="How long a client may take to send its headers.")
    body_progress_ms: int = Field(30_000, gt=0, description="How long a client's body may stand still.")
    idle_timeout_ms: int = Field(
        60_000,
        gt=0,
        description="How long a connection may stay without a request, or a client take nothing of an answer.",
    )
    question_timeout_ms: int = Field(5_000, gt=0, description="How long the engine waits for a decision.")
    flow_table_size: int = Field(200_000, gt=0, description="How many decisions the engine remembers.")
    unknown_output_tokens: int = Field(
        4_096,
        gt=0,
        le=1_000_000,
        description="Tokens that are set aside on limits and budgets for an answer whose length nothing limits.",
    )
    least_output_tokens: int = Field(
        1,
        gt=0,
        le=1_000_000,
        description="An answer that a budget pays for only if it has fewer tokens than this is refused, not shortened.",
    )
    unknown_key_rate: float = Field(
        1.0,
        ge=0,
        le=1_000_000,
        description="Tries with unknown keys that an address (of IPv6, a /64) gets back in a second, for `/v1` and for the management API alike; 0 for no limit.",
    )
    unknown_key_burst: int = Field(
        20, ge=1, le=1_000_000, description="Tries with unknown keys that an address has at first."
    )
    unknown_key_loopback: bool = Field(
        default=False, description="Whether unknown keys from this machine are counted too."
    )
    signature_window_seconds: int = Field(
        300, ge=1, le=3_600, description="How far from this server's clock a signed request may have been made."
    )
    signature_nonces: int = Field(
        1_000_000,
        ge=4,
        le=100_000_000,
        description="How many nonces of signed requests are remembered at a time, by about 20 bytes each; one key may take up "
        "a quarter. Where there is no more room, signed requests are refused until the window has passed.",
    )
    spool_segment_bytes: int = Field(
        8 * 1024 * 1024, ge=64 * 1024, description="The size of one file of the usage spool."
    )
    spool_limit_bytes: int = Field(
        1024 * 1024 * 1024, ge=192 * 1024, description="The size of the whole usage spool; an alarm goes off at half."
    )
    spool_sync_ms: int = Field(50, gt=0, description="How often the usage spool is synced to disk, at most.")
    spool_durability: Literal["process", "machine"] = Field(
        "process", description="What the record of a request survives before the upstream is called: whose death."
    )
    spool_when_full: Literal["refuse", "drop"] = Field(
        "refuse", description="What happens when the usage spool is full: requests are refused, or go unrecorded."
    )
    fail_point: str | None = Field(
        None,
        pattern=r"^K([0-9]|11)(:[0-9]{1,9})?$",
        description="Where to kill this process, for the kill tests: K0 to K9, K11.",
    )

    @field_validator("home", "tls_cert", "tls_key", "peer_ca", "peer_cert", "peer_key", "keyring")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().absolute()

    @field_validator("trusted_proxies", "metrics_networks", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, list | tuple):
            return value
        return tuple(_network(str(part).strip()) for part in parts if str(part).strip())

    @field_validator("operator_email")
    @classmethod
    def _one_address(cls, address: str) -> str:
        try:
            return check_email(address)
        except Invalid as error:
            raise ValueError(error.details[0].message) from None

    @field_validator("public_url")
    @classmethod
    def _an_origin(cls, text: str | None) -> str | None:
        if text is None:
            return None
        try:
            url = checked_url(text, "public_url", "https://gateway.example.com", private_networks=True)
        except Invalid as error:
            raise ValueError(error.details[0].message) from None
        if url.count("/") > len("//"):
            message = "must have no path; write scheme, host and port, such as https://gateway.example.com"
            raise ValueError(message)
        return url

    @field_validator("gateways_listen")
    @classmethod
    def _host_and_port(cls, text: str | None) -> str | None:
        return None if text is None else checked_peer(text)

    @field_validator("control_address", mode="before")
    @classmethod
    def _hosts_and_ports(cls, value: object) -> object:
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, list | tuple):
            return value
        addresses = [str(part).strip() for part in parts]
        if len(set(addresses)) < len(addresses):
            message = "names one address twice"
            raise ValueError(message)
        return tuple(map(checked_peer, addresses))

    @model_validator(mode="after")
    def _flows_stay_secret(self) -> Self:
        for name in ("gateways_listen", "control_address"):
            address = getattr(self, name)
            if address is not None and self.peer_ca is None:
                message = (
                    f"{variable_of(name)} needs HEADWORKS_PEER_CA, HEADWORKS_PEER_CERT and HEADWORKS_PEER_KEY, on loopback too: "
                    "what gateways are told holds the credentials of providers; `headworks certs` makes them"
                )
                raise ValueError(message)
        return self

    @field_validator("usage_record_months")
    @classmethod
    def _long_enough(cls, months: int) -> int:
        # A budget's month may begin in the middle of one, and some usage comes late.
        if 0 < months < _FEWEST_MONTHS:
            message = f"must be {_FEWEST_MONTHS} or more, or 0, which keeps records for ever"
            raise ValueError(message)
        return months

    @field_validator("bus_url")
    @classmethod
    def _usable_broker(cls, url: Secret | None) -> Secret | None:
        if url is not None:
            from headworks.kernel.bus.adapters.rabbitmq.address import Address as Broker  # noqa: PLC0415 - who has one
            from headworks.kernel.bus.adapters.rabbitmq.address import BadBusAddress  # noqa: PLC0415

            try:
                Broker.parse(url).tls_context()
            except BadBusAddress as error:
                # Its text holds nothing of the URL.
                raise ValueError(str(error)) from None
        return url

    @field_validator("redis_url")
    @classmethod
    def _usable_redis(cls, url: Secret | None) -> Secret | None:
        if url is not None:
            from headworks.kernel.redis import Address as Redis  # noqa: PLC0415 - for who has one alone
            from headworks.kernel.redis import BadRedisAddress  # noqa: PLC0415

            try:
                Redis.parse(url)
            except BadRedisAddress as error:
                # Its text holds nothing of the URL.
                raise ValueError(str(error)) from None
        return url

    @field_validator("objects_url")
    @classmethod
    def _usable_objects(cls, url: Secret | None) -> Secret | None:
        if url is not None:
            from headworks.kernel.objects import Address as Bucket  # noqa: PLC0415 - for who has one alone
            from headworks.kernel.objects import BadObjectsAddress  # noqa: PLC0415

            try:
                Bucket.parse(url)
            except BadObjectsAddress as error:
                # Its text holds nothing of the URL.
                raise ValueError(str(error)) from None
        return url

    @field_validator("discovery_addresses")
    @classmethod
    def _known_places(cls, addresses: dict[str, str]) -> dict[str, str]:
        for name in addresses:
            if name not in NAMES:
                message = f"{DISCOVERY_PREFIX}{name.upper()} names no place; there are {', '.join(sorted(NAMES))}"
                raise ValueError(message)
        return addresses

    @field_validator(
        "database_url", "identity_database_url", "catalog_database_url", "limits_database_url", "usage_database_url"
    )
    @classmethod
    def _usable_address(cls, url: Secret | None) -> Secret | None:
        if url is not None:
            from headworks.kernel.database import Address, BadAddress  # noqa: PLC0415 - 20 MB that a gateway does without

            try:
                Address.parse(url).tls_context()
            except BadAddress as error:
                # Its text holds nothing of the URL.
                raise ValueError(str(error)) from None
        return url

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            message = "HEADWORKS_TLS_CERT and HEADWORKS_TLS_KEY go together; set both or neither"
            raise ValueError(message)
        peers = (self.peer_ca, self.peer_cert, self.peer_key)
        if None in peers and any(peers):
            message = (
                "HEADWORKS_PEER_CA, HEADWORKS_PEER_CERT and HEADWORKS_PEER_KEY go together; set all of them or none"
            )
            raise ValueError(message)
        if self.bodies_in_flight_bytes < self.body_limit_bytes:
            message = "HEADWORKS_BODIES_IN_FLIGHT_BYTES is below HEADWORKS_BODY_LIMIT_BYTES; one allowed body must fit"
            raise ValueError(message)
        if self.spool_limit_bytes < 3 * self.spool_segment_bytes:
            message = "HEADWORKS_SPOOL_LIMIT_BYTES must be at least three times HEADWORKS_SPOOL_SEGMENT_BYTES"
            raise ValueError(message)
        return self


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        message = f"{error}; write networks such as 10.0.0.0/8 or 2001:db8::/32"
        raise ValueError(message) from None


def checked_peer(text: str) -> str:
    """`host:port` of another process; an IPv6 address stands in brackets. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > MOST_PORT or not _PEER_HOST.fullmatch(host):
        message = f"{text!r} is no host and port; write control.example.com:8090, 10.0.0.5:8090 or [2001:db8::5]:8090"
        raise ValueError(message)
    return text


def variable_of(field: str) -> str:
    """The environment variable of a field."""
    return f"{PREFIX}{field.upper()}"


ADDRESSES: Final = "discovery_addresses"
"""The one setting that is a variable for each of its parts."""
SECRETS: Final = frozenset(
    name for name, field in Settings.model_fields.items() if Secret in get_args(field.annotation)
)


@dataclass(frozen=True, slots=True)
class Written:
    """What is set, unchecked, by setting."""

    values: Mapping[str, object] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    """Where each is written, in the words of an error."""
    unknown: tuple[str, ...] = ()
    """What is wrong with what is no setting."""


NOTHING: Final = Written()


def written(
    environment: Mapping[str, str], overrides: Mapping[str, object] | None = None, file: Written = NOTHING
) -> Written:
    """All that is set: the environment wins over the file, and `overrides`, of the command line and None for unset, over both."""
    values, places, unknown = dict(file.values), dict(file.places), []
    fields = {variable_of(name): name for name in Settings.model_fields if name != ADDRESSES}
    addresses: dict[str, object] = {}
    for variable, value in environment.items():
        if variable.startswith(DISCOVERY_PREFIX):
            addresses[variable.removeprefix(DISCOVERY_PREFIX).lower()] = value
        elif variable in fields:
            values[fields[variable]], places[fields[variable]] = value, variable
        elif variable.startswith(PREFIX) and variable not in CLIENTS:
            unknown.append(f"{variable} is no setting: {hint(variable, fields)}")
    if addresses:
        filed = values.get(ADDRESSES)
        values[ADDRESSES] = {**filed, **addresses} if isinstance(filed, dict) else addresses
        places[ADDRESSES] = f"{DISCOVERY_PREFIX}…"
    for name, chosen in (overrides or {}).items():
        if chosen is not None:
            values[name], places[name] = chosen, f"--{name.replace('_', '-')}"
    return Written(values, places, tuple(unknown))


def load_settings(
    environment: Mapping[str, str], overrides: Mapping[str, object] | None = None, file: Written = NOTHING
) -> Settings:
    """The settings that `written` comes to. Raises SettingsError, which names everything that is wrong."""
    told = written(environment, overrides, file)
    try:
        settings = Settings.model_validate(told.values)
    except ValidationError as error:
        wrong = (_wrong(one, told.places) for one in error.errors())
        raise SettingsError("\n".join([*told.unknown, *wrong])) from None
    if told.unknown:
        raise SettingsError("\n".join(told.unknown))
    return settings


def hint(name: str, known: Iterable[str]) -> str:
    """What somebody may have meant who wrote what is no setting."""
    near = difflib.get_close_matches(name, list(known), n=2, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else "remove it; docs/reference/configuration.md lists them all"


def _wrong(error: ErrorDetails, places: Mapping[str, str]) -> str:
    message = error["msg"].removeprefix("Value error, ")
    location = error["loc"]
    if not location or location[0] == ADDRESSES:
        return message
    name = str(location[0])
    return f"{places.get(name, variable_of(name))}: {message[0].lower()}{message[1:]}"
