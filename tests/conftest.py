"""What every test shares: deterministic Hypothesis, and logs that go nowhere unless a test reads them."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from hypothesis import settings

from headworks.kernel.telemetry import configure_logs
from tests.support.databases import Databases
from tests.support.servers import Servers

settings.register_profile("headworks", deadline=None, derandomize=True, database=None)
settings.load_profile("headworks")


@pytest.fixture(autouse=True)
def log() -> io.StringIO:
    """What was logged, one JSON object a line."""
    stream = io.StringIO()
    configure_logs("debug", stream)
    return stream


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Database servers, each started by the first test that asks for it."""
    with Servers() as servers:
        yield servers


@pytest.fixture(scope="session")
def databases(servers: Servers) -> Databases:
    """Databases on them."""
    return Databases(servers)
