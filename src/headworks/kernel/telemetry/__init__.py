"""What Headworks tells of itself: `logs` as JSON lines, and `metrics` in the Prometheus text format."""

from headworks.kernel.telemetry.logs import bind_request_id, configure_logs, logger

__all__ = ["bind_request_id", "configure_logs", "logger"]
