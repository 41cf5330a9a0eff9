"""The engine as bootstrap makes it: its settings out of ours. Importing this loads the extension module."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headworks.dataplane.engine import Engine, EngineSettings, TlsSettings, new_engine
from headworks.kernel.fail_point import midway

if TYPE_CHECKING:
    from pathlib import Path

    from headworks.bootstrap.settings import Settings


def make_engine(
    settings: Settings, spool: Path, control_socket: Path, *, serves_inference: bool = True, shares_limits: bool = False
) -> Engine:
    """A stopped engine. Raises EngineError on a setting that it does not like."""
    chosen = engine_settings(settings, spool, control_socket, serves_inference=serves_inference)
    engine = new_engine(replace(chosen, shares_limits=shares_limits))
    midway.reached_by(engine.reach)
    return engine


def engine_settings(
    settings: Settings, spool: Path, control_socket: Path, *, serves_inference: bool = True
) -> EngineSettings:
    """What the engine is told of the settings."""
    tls = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        tls = TlsSettings(str(settings.tls_cert), str(settings.tls_key))
    return EngineSettings(
        listen=f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}",
        spool_dir=str(spool),
        control_socket=str(control_socket),
        serves_inference=serves_inference,
        tls=tls,
        trusted_proxies=settings.trusted_proxies,
        workers=settings.workers,
        body_limit_bytes=settings.body_limit_bytes,
        bodies_in_flight_bytes=settings.bodies_in_flight_bytes,
        header_timeout_ms=settings.header_timeout_ms,
        body_progress_ms=settings.body_progress_ms,
        idle_timeout_ms=settings.idle_timeout_ms,
        question_timeout_ms=settings.question_timeout_ms,
        flow_table_size=settings.flow_table_size,
        unknown_output_tokens=settings.unknown_output_tokens,
        least_output_tokens=settings.least_output_tokens,
        unknown_key_rate=settings.unknown_key_rate,
        unknown_key_burst=settings.unknown_key_burst,
        unknown_key_loopback=settings.unknown_key_loopback,
        signature_window_seconds=settings.signature_window_seconds,
        signature_nonces=settings.signature_nonces,
        spool_segment_bytes=settings.spool_segment_bytes,
        spool_limit_bytes=settings.spool_limit_bytes,
        spool_sync_ms=settings.spool_sync_ms,
        spool_durability=settings.spool_durability,
        spool_when_full=settings.spool_when_full,
        log_level=settings.log_level,
        fail_point=settings.fail_point,
    )
