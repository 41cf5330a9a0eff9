"""The one place that imports the extension module: its settings, and the handle that `bootstrap` passes around."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

from headworks._engine import Engine, EngineError, run_mock_provider, waiting_in_spool

__all__ = [
    "Engine",
    "EngineError",
    "EngineSettings",
    "TlsSettings",
    "new_engine",
    "run_mock_provider",
    "waiting_in_spool",
]


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """PEM files of the front door."""

    certificate_file: str
    key_file: str


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """All that the engine is told at its start. `engine/src/settings.rs` is the other side."""

    listen: str
    """`host:port`; port 0 takes a free one."""
    spool_dir: str
    control_socket: str | None = None
    """Unix socket of the control plane, which gets everything that is not `/v1/`; None: such paths are 404."""
    serves_inference: bool = True
    """False: `/v1/` is 404 here."""
    shares_limits: bool = False
    """Whether other gateways count the same limits, so that this one asks for its share of each."""
    tls: TlsSettings | None = None
    trusted_proxies: tuple[str, ...] = ()
    """Networks (CIDR) of peers whose X-Forwarded-For is believed."""
    workers: int = 0
    """Runtime threads; 0 for one a core."""
    body_limit_bytes: int = 32 * 1024 * 1024
    bodies_in_flight_bytes: int = 512 * 1024 * 1024
    header_timeout_ms: int = 10_000
    body_progress_ms: int = 30_000
    idle_timeout_ms: int = 60_000
    question_timeout_ms: int = 5_000
    flow_table_size: int = 200_000
    unknown_output_tokens: int = 4_096
    """What is set aside for an answer whose length neither the request nor the catalog limits."""
    least_output_tokens: int = 1
    """An answer that a budget pays for only if it is shorter than this is refused."""
    unknown_key_rate: float = 1.0
    """Tries with unknown keys that a source of requests gets back in a second; 0 for no limit."""
    unknown_key_burst: int = 20
    unknown_key_loopback: bool = False
    """Whether this machine is counted as well."""
    signature_window_seconds: int = 300
    """How far from the engine's clock a signature may have been made."""
    signature_nonces: int = 1_000_000
    """How many nonces of signed requests are remembered at a time; a key may take up a quarter of them."""
    spool_segment_bytes: int = 8 * 1024 * 1024
    spool_limit_bytes: int = 1024 * 1024 * 1024
    spool_sync_ms: int = 50
    """How often the spool is synced to disk in the background, at most."""
    spool_durability: Literal["process", "machine"] = "process"
    """What an intent survives before the upstream is called: this process's death, or the machine's."""
    spool_when_full: Literal["refuse", "drop"] = "refuse"
    log_level: str = "info"
    fail_point: str | None = None
    """`K0` … `K9` or `K11`, optionally `:n` for the n-th time: kills the process there. For the kill tests."""


def new_engine(settings: EngineSettings) -> Engine:
    """A stopped engine. Raises EngineError on a wrong setting."""
    return Engine(json.dumps(asdict(settings)))
