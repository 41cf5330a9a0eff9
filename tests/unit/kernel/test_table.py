"""Routes that are looked up are those that FastAPI would have found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from headworks.kernel.web import Router, look_routes_up, public, routes_of_nouns


def _answering(pattern: str) -> Callable[[], Awaitable[str]]:
    async def answer() -> str:
        return pattern

    return answer


def _app(*patterns: str) -> FastAPI:
    """Each route answers with its pattern."""
    nouns = Router("/api/v1")
    for pattern in patterns:
        nouns.get(pattern, dependencies=[public()])(_answering(pattern))
    app = FastAPI()
    app.include_router(nouns)
    look_routes_up(app, routes_of_nouns(app))
    return app


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/keys", 200),
        ("/api/v1/keys/bulk", 200),
        ("/api/v1/models/a/b", 200),
        ("/api/v1/nothing", 404),
        ("/api/v1/keys/a/b", 404),
        ("/api/v1", 404),
        ("/elsewhere", 404),
    ],
)
def test_what_is_there_answers_and_what_is_not_does_not(path: str, status: int) -> None:
    app = _app("/keys", "/keys/bulk", "/models/{model:path}")
    assert TestClient(app).get(path).status_code == status


@pytest.mark.parametrize("patterns", [("/keys/bulk", "/keys/{key_id}"), ("/keys/{key_id}", "/keys/bulk")])
def test_the_first_of_two_routes_that_fit_is_taken(patterns: tuple[str, str]) -> None:
    answer = TestClient(_app(*patterns)).get("/api/v1/keys/bulk")
    assert answer.status_code == 200
    assert answer.json() == patterns[0]


def test_another_method_is_refused_by_the_framework() -> None:
    answer = TestClient(_app("/keys")).post("/api/v1/keys")
    assert answer.status_code == 405


def test_a_route_in_place_of_a_noun_stops_the_start() -> None:
    with pytest.raises(ValueError, match="has a parameter"):
        _app("/{anything}")
