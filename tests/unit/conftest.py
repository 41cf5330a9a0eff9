"""What every test of a part shares: the API refuses nothing that its description does not know."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.refusals import listen


@pytest.fixture(autouse=True)
def described(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    unknown = listen(monkeypatch)
    yield
    assert unknown == []
