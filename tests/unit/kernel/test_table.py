"""Routes that are looked up are those that FastAPI would have found."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from headworks.kernel.web import Router, look_routes_up, public


def _app(*patterns: str) -> FastAPI:
    """Each route answers with its pattern and what was in the path."""
    nouns = Router("/api/v1")
    for pattern in patterns:

        async def answer(pattern: str = pattern) -> str:
            return pattern

        nouns.get(pattern, dependencies=[public()])(answer)
    app = FastAPI()
    app.include_router(nouns)
    look_routes_up(app)
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


def test_the_first_of_two_routes_that_fit_is_taken() -> None:
    app = _app("/keys/bulk", "/keys/{key_id}")
    answer = TestClient(app).get("/api/v1/keys/bulk?pattern=%2Fkeys%2Fbulk")
    assert answer.json() == "/keys/bulk"
    assert answer.status_code == 200


def test_another_method_is_refused_by_the_framework() -> None:
    answer = TestClient(_app("/keys")).post("/api/v1/keys")
    assert answer.status_code == 405


def test_a_route_in_place_of_a_noun_stops_the_start() -> None:
    with pytest.raises(ValueError, match="has a parameter"):
        _app("/{anything}")
