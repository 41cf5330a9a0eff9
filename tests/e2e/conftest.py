"""One gateway in front of one mock provider for all end-to-end tests; tests that kill or configure start their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.headworks import Headworks
from tests.support.mock import MockProvider
from tests.support.rig import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator

    import openai


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockProvider]:
    """The mock provider."""
    with MockProvider(tmp_path_factory.mktemp("mock")) as mock:
        yield mock


@pytest.fixture(scope="session")
def rig(upstream: MockProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Headworks in front of it."""
    with Headworks(tmp_path_factory.mktemp("headworks") / "home") as headworks:
        rig = Rig(headworks, upstream)
        rig.prepare()
        yield rig
        assert headworks.child.alive, headworks.child.output()[-4000:]


@pytest.fixture(scope="session")
def client(rig: Rig) -> Iterator[openai.OpenAI]:
    """The official Python client, without retries of its own."""
    with rig.headworks.openai() as client:
        yield client


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway and an upstream for one test alone, so that everything in their books belongs to it."""
    with (
        MockProvider(tmp_path_factory.mktemp("mock")) as upstream,
        Headworks(tmp_path_factory.mktemp("headworks") / "home") as headworks,
    ):
        rig = Rig(headworks, upstream)
        rig.prepare()
        yield rig
