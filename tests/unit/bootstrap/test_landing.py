"""The page at `/`: complete without anything from elsewhere, safe with any name, discreet towards strangers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import FastAPI

from headworks.bootstrap.discovery import Discovery, Finding
from headworks.bootstrap.landing import Describe, router
from headworks.bootstrap.summary import Summary, summarize
from headworks.catalog.contracts import VisibleModel
from headworks.kernel.web import Authenticator, install_problem_handlers, provide

if TYPE_CHECKING:
    from headworks.kernel.principal import Principal

HERE = {"x-forwarded-for": "127.0.0.1"}
AWAY = {"x-forwarded-for": "203.0.113.9"}
NASTY = "<img src=x onerror=alert(1)>'\"&"


class NobodyMay:
    """An authenticator that is not to be asked: these callers have no key."""

    async def authenticate(self, token: str, _source: str | None) -> Principal:
        raise AssertionError(token)


async def describe() -> Summary:
    """An installation where every name is as nasty as can be."""
    visible = (VisibleModel("mdl_1", NASTY, "manual"), VisibleModel("mdl_0", "headworks/echo", "builtin"))
    found = Discovery((Finding("x", "X", NASTY, "refused", (), NASTY),))
    return summarize("0.1.0", "http://127.0.0.1:8080/v1", visible, found)


@pytest.fixture
def client() -> httpx.AsyncClient:
    """A browser."""
    app = FastAPI()
    app.include_router(router)
    install_problem_handlers(app)
    provide(app, Describe, describe)
    provide(app, Authenticator, NobodyMay())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def test_a_page_for_people(client: httpx.AsyncClient) -> None:
    answer = await client.get("/", headers=HERE)
    assert answer.headers["content-type"].startswith("text/html")
    assert "http://127.0.0.1:8080/v1" in answer.text
    assert "hw_sk_…" in answer.text
    assert '<html lang="en">' in answer.text


async def test_nothing_that_comes_from_outside_is_markup(client: httpx.AsyncClient) -> None:
    page = (await client.get("/", headers=HERE)).text
    assert NASTY not in page
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


async def test_it_loads_one_style_sheet_from_here_and_nothing_else(client: httpx.AsyncClient) -> None:
    answer = await client.get("/", headers=HERE)
    loaded = re.findall(r"""(?:src|href|action)=["']([^"']+)""", re.sub(r"&lt;.*?&gt;", "", answer.text))
    assert set(loaded) == {"/style.css", "/api/v1/openapi.json", "/health/ready"}
    assert "<script" not in answer.text
    assert "<style" not in answer.text
    assert " style=" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


async def test_the_style_sheet(client: httpx.AsyncClient) -> None:
    answer = await client.get("/style.css")
    assert answer.headers["content-type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in answer.text
    assert "url(" not in answer.text
    assert "@import" not in answer.text


async def test_json_for_programs(client: httpx.AsyncClient) -> None:
    answer = await client.get("/", headers={**HERE, "accept": "application/json"})
    document = answer.json()
    assert document["endpoint"] == "http://127.0.0.1:8080/v1"
    assert document["models"] == [NASTY, "headworks/echo"]
    assert document["found"] == [{"provider": "x", "source": NASTY, "state": "refused", "models": 0, "remark": NASTY}]


@pytest.mark.parametrize("headers", [AWAY, {}, {"x-forwarded-for": "203.0.113.9, 127.0.0.1"}])
async def test_strangers_are_told_no_names(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    page = (await client.get("/", headers=headers)).text
    document = (await client.get("/", headers={**headers, "accept": "application/json"})).json()
    assert "onerror" not in page
    assert "GET /v1/models" in page
    assert (document["models"], document["found"]) == ([], [])


async def test_the_paths_are_no_part_of_the_api() -> None:
    app = FastAPI()
    app.include_router(router)
    assert app.openapi()["paths"] == {}
