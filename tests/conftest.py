"""What every test shares: deterministic Hypothesis, and logs that go nowhere unless a test reads them."""

from __future__ import annotations

import io

import pytest
from hypothesis import settings

from headworks.kernel.telemetry import configure_logs

settings.register_profile("headworks", deadline=None, derandomize=True, database=None)
settings.load_profile("headworks")


@pytest.fixture(autouse=True)
def log() -> io.StringIO:
    """What was logged, one JSON object a line."""
    stream = io.StringIO()
    configure_logs("debug", stream)
    return stream
