"""Which settings a process of each role needs, and which it never looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from headworks.bootstrap.settings import Settings, SettingsError, variable_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Role = Literal["up", "control", "gateway", "usage"]
"""`up` is all of them in one process."""

NEEDED: Final[Mapping[Role, tuple[str, ...]]] = {
    "up": (),
    "control": ("gateways_listen",),
    "gateway": ("control_address", "bus_url"),
    "usage": ("bus_url",),
}
"""Beyond the defaults."""

_OF_GATEWAYS: Final = frozenset({"control_address", "metrics_networks"})
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
        "gateways_listen",
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
IGNORED: Final[Mapping[Role, frozenset[str]]] = {
    "up": _OF_GATEWAYS | {"bus_url"},
    "control": _OF_GATEWAYS | _OF_DISCOVERY | _OF_INFERENCE,
    "gateway": _OF_DISCOVERY | _OF_MANAGEMENT | _OF_DECISIONS | _OF_STORES,
    "usage": (_OF_DISCOVERY | _OF_MANAGEMENT | _OF_DECISIONS | _OF_INFERENCE | _OF_PEERS | {"control_address"}),
}


def check_role(settings: Settings, role: Role) -> None:
    """Whether a process of that role would know all that it needs. Raises SettingsError, naming everything that is missing."""
    missing = [field for field in NEEDED[role] if getattr(settings, field) is None]
    if missing:
        lines = [
            f"{variable_of(field)} is needed by `headworks run {role}`: {_description(field)}" for field in missing
        ]
        raise SettingsError("\n".join(lines))


def inert(variables: Iterable[str], role: Role) -> list[str]:
    """Those of the variables that are settings, and that a process of that role never looks at."""
    ignored = {variable_of(field) for field in IGNORED[role]}
    return sorted(ignored.intersection(variables))


def _description(field: str) -> str:
    text = Settings.model_fields[field].description or ""
    return text[:1].lower() + text[1:]
