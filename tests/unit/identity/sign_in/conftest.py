from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.sign_in import World, ground


@pytest.fixture(params=["sql", "memory"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with ground(request.param, tmp_path) as place:
        world = World(place)
        await world.people()
        yield world
