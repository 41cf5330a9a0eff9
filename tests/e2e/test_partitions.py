"""Two parts of a cluster that do not hear each other: what is known is served, what was served is recorded once, and all ends well.

In full: `python -m tests.prove.partitions`.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.prove.partitions import PARTITIONS, Parted, part
from tests.support.servers import Missing

pytestmark = pytest.mark.allow_hosts(["127.0.0.1", "::1", "localhost", "10.192.0.0/10"])
"""The last: networks that are made for the test."""
_SECONDS = 4


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parted]:
    try:
        with Parted(tmp_path_factory.mktemp("parted")) as parted:
            yield parted
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("name", PARTITIONS)
def test_what_is_known_is_served_and_recorded_once(parted: Parted, name: str) -> None:
    seen = part(parted, name, _SECONDS)
    assert set(seen.free) == set(seen.held) == {httpx.codes.OK}
    assert (seen.lost, seen.twice) == (0, 0)
    # Never 401: nobody said that it is not a key.
    assert seen.unknown in {httpx.codes.OK, httpx.codes.SERVICE_UNAVAILABLE}
