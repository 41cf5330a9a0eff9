"""Which settings a process of each role needs, and which it never looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from headworks.bootstrap.settings import Settings, SettingsError, variable_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headworks.bootstrap.settings import Written

Role = Literal["up", "control", "gateway", "usage", "worker"]
"""`up` is all of them in one process."""

NEEDED: Final[Mapping[Role, tuple[str, ...]]] = {
    "up": (),
    "control": ("gateways_listen",),
    "gateway": ("control_address", "bus_url"),
    "usage": ("bus_url",),
    "worker": (),
}
"""Beyond the defaults."""

_OF_GATEWAYS: Final = frozenset({"control_address", "metrics_networks", "leave_seconds"})
_OF_DISCOVERY: Final = frozenset({"discovery", "discovery_addresses"})
_OF_MANAGEMENT: Final = frozenset(
    {
        "operator_email",
        "private_networks",
        "public_url",
        "require_if_match",
        "access_token_seconds",
        "session_idle_seconds",
        "session_seconds",
        "signing_key_seconds",
        "token_issuer",
        "password_cost",
        "audit_anchor_seconds",
        "new_credentials",
        "gateways_listen",
        "redis_url",
        "objects_url",
        "objects_link_seconds",
    }
)
_OF_DECISIONS: Final = frozenset(
    {"upstream_connect_ms", "upstream_first_byte_ms", "upstream_idle_ms", "upstream_total_ms"}
)
_OF_STORES: Final = frozenset(
    {
        "database_url",
        "identity_database_url",
        "catalog_database_url",
        "limits_database_url",
        "usage_database_url",
        "database_connections",
        "database_connect_seconds",
        "database_lock_seconds",
        "database_statement_seconds",
        "usage_minute_hours",
        "usage_hour_days",
        "usage_record_months",
        "usage_tag_values",
        "keyring",
    }
)
_OF_INFERENCE: Final = frozenset(
    {
        "bodies_in_flight_bytes",
        "flow_table_size",
        "unknown_output_tokens",
        "least_output_tokens",
        "spool_durability",
        "spool_when_full",
        "fail_point",
    }
)
_OF_PEERS: Final = frozenset({"peer_ca", "peer_cert", "peer_key"})
_SHARED: Final[frozenset[Role]] = frozenset({"usage", "worker"})
"""Roles that do nothing without the databases of a control plane."""
IGNORED: Final[Mapping[Role, frozenset[str]]] = {
    "up": _OF_GATEWAYS | {"bus_url", "new_credentials"},
    "control": _OF_GATEWAYS | _OF_DISCOVERY | _OF_INFERENCE,
    "gateway": _OF_DISCOVERY | _OF_MANAGEMENT | _OF_DECISIONS | _OF_STORES | {"upkeep"},
    "usage": (
        _OF_DISCOVERY
        | _OF_MANAGEMENT
        | _OF_DECISIONS
        | _OF_INFERENCE
        | _OF_PEERS
        | {"control_address", "leave_seconds"}
    ),
    "worker": (
        _OF_DISCOVERY
        | _OF_MANAGEMENT
        | _OF_DECISIONS
        | _OF_INFERENCE
        | _OF_PEERS
        | {"control_address", "leave_seconds", "bus_url", "upkeep"}
    ),
}


def check_role(settings: Settings, role: Role) -> None:
    """Whether a process of that role would know all that it needs. Raises SettingsError, naming everything that is missing."""
    missing = [field for field in NEEDED[role] if getattr(settings, field) is None]
    lines = [f"{variable_of(field)} is needed by `headworks run {role}`: {_description(field)}" for field in missing]
    if role in _SHARED and not _is_on_servers(settings):
        lines.append(
            f"HEADWORKS_DATABASE_URL is needed by `headworks run {role}`, or one for each context: it works on the databases of the "
            "control plane, and SQLite files are one process's own"
        )
    if role in {"up", "control"} and not settings.upkeep and not _is_on_servers(settings):
        lines.append("HEADWORKS_UPKEEP must stay true on SQLite files: no worker can do it there, so that nobody would")
    if lines:
        raise SettingsError("\n".join(lines))


def _is_on_servers(settings: Settings) -> bool:
    own = (
        settings.identity_database_url,
        settings.catalog_database_url,
        settings.limits_database_url,
        settings.usage_database_url,
    )
    return settings.database_url is not None or None not in own


def inert(told: Written, role: Role) -> list[str]:
    """Where something is written that a process of that role never looks at."""
    return sorted(place for name, place in told.places.items() if name in IGNORED[role])


def _description(field: str) -> str:
    text = Settings.model_fields[field].description or ""
    return text[:1].lower() + text[1:]
