"""Sign-in over HTTP: what goes into bodies, what goes into cookies, and what browsers may be made to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http.cookies import Morsel, SimpleCookie
from pathlib import Path

import httpx
import pytest

from headworks.bootstrap.app import build_app
from headworks.identity.commands.passwords import Passwords
from headworks.identity.commands.refresh import Refresh
from headworks.identity.commands.second_factor import SecondFactors
from headworks.identity.commands.sign_in import SignIn
from headworks.identity.ports import SignInStore
from headworks.identity.queries.tokens import PublicKeys
from headworks.identity.settings import SignInSettings
from headworks.kernel.clock import now
from headworks.kernel.secrets import Secret
from headworks.kernel.web import Authenticator
from tests.support.sign_in import PASSWORD, World, ground

REMOTE = {"x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.9", "x-headworks-client-address": "192.0.2.9"}
LOCAL = {"x-forwarded-proto": "http", "x-forwarded-for": "127.0.0.1", "x-headworks-client-address": "127.0.0.1"}
ADA = {"email": "ada@example.org", "password": PASSWORD}
NEW = "another staple vow"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with ground("sql", tmp_path) as place:
        world = World(place)
        world.clock.at = now()
        await world.people()
        yield world


@pytest.fixture
def transport(world: World) -> httpx.ASGITransport:
    provisions: dict[type, object] = {
        Authenticator: world.door,
        SignInStore: world.store,
        SignIn: world.sign_in,
        Refresh: world.refresh,
        Passwords: world.passwords,
        SecondFactors: world.second_factors,
        PublicKeys: world.public_keys,
        SignInSettings: world.settings,
    }
    return httpx.ASGITransport(build_app(provisions))


@pytest.fixture
async def program(transport: httpx.ASGITransport) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=transport, base_url="https://gw.example", headers=REMOTE) as client:
        yield client


async def login(client: httpx.AsyncClient, **more: str) -> httpx.Response:
    return await client.post("/api/v1/auth/login", json=ADA | more)


def cookies_of(answer: httpx.Response) -> dict[str, Morsel[str]]:
    jar: SimpleCookie = SimpleCookie()
    for line in answer.headers.get_list("set-cookie"):
        jar.load(line)
    return dict(jar)


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_program_gets_its_tokens_in_the_body(program: httpx.AsyncClient) -> None:
    answer = await login(program)
    assert answer.status_code == 200
    assert not answer.headers.get_list("set-cookie")
    assert answer.headers.get("cache-control", "no-store") == "no-store"
    data = answer.json()["data"]
    bearer = {"authorization": f"Bearer {data['access_token']}"}
    me = (await program.get("/api/v1/me", headers=bearer)).json()["data"]
    assert (me["kind"], me["user"]["email"], me["organization_id"]) == ("user", "ada@example.org", "org_1")
    assert [one["role"] for one in me["memberships"]] == ["admin", "viewer"]
    again = await program.post("/api/v1/auth/refresh", json={"refresh_token": data["refresh_token"]})
    assert again.status_code == 200
    assert again.json()["data"]["refresh_token"] not in (None, data["refresh_token"])
    assert (await program.post("/api/v1/auth/logout", headers=bearer)).status_code == 204
    assert code_of(await program.get("/api/v1/me", headers=bearer)) == (401, "session_ended")
    gone = await program.post("/api/v1/auth/refresh", json={"refresh_token": again.json()["data"]["refresh_token"]})
    assert code_of(gone) == (401, "invalid_refresh_token")


async def test_a_browser_gets_cookies_that_scripts_and_other_sites_do_not(program: httpx.AsyncClient) -> None:
    answer = await login(program, mode="cookie")
    data = answer.json()["data"]
    assert (data["access_token"], data["refresh_token"]) == (None, None)
    cookies = cookies_of(answer)
    access, refresh = cookies["__Host-headworks-access"], cookies["__Secure-headworks-refresh"]
    csrf = cookies["__Host-headworks-csrf"]
    for morsel in (access, refresh, csrf):
        assert morsel["secure"]
        assert morsel["samesite"] == "lax"
        assert not morsel["domain"]
    assert (access["path"], refresh["path"], csrf["path"]) == ("/", "/api/v1/auth", "/")
    assert access["httponly"]
    assert refresh["httponly"]
    assert not csrf["httponly"]
    assert csrf.value == data["csrf_token"]


async def test_on_this_machine_alone_cookies_go_without_tls(transport: httpx.ASGITransport) -> None:
    async def names(base: str, headers: dict[str, str]) -> set[str]:
        async with httpx.AsyncClient(transport=transport, base_url=base, headers=headers) as client:
            return set(cookies_of(await login(client, mode="cookie")))

    plain = {"headworks-access", "headworks-refresh", "headworks-csrf"}
    strict = {"__Host-headworks-access", "__Secure-headworks-refresh", "__Host-headworks-csrf"}
    assert await names("http://127.0.0.1:8080", LOCAL) == plain
    assert await names("http://localhost:8080", LOCAL) == plain
    assert await names("http://[::1]:8080", LOCAL) == plain
    # A proxy in front, another name, TLS: each of them means that others may be on the way.
    assert await names("http://127.0.0.1:8080", LOCAL | {"x-forwarded-for": "192.0.2.9, 127.0.0.1"}) == strict
    assert await names("http://gw.example", LOCAL) == strict
    assert await names("https://localhost", LOCAL | {"x-forwarded-proto": "https"}) == strict


@pytest.fixture
async def browser(transport: httpx.ASGITransport) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=transport, base_url="https://gw.example", headers=REMOTE) as client:
        assert (await login(client, mode="cookie")).status_code == 200
        yield client


def csrf_of(client: httpx.AsyncClient) -> dict[str, str]:
    return {"x-csrf-token": str(client.cookies["__Host-headworks-csrf"])}


async def test_a_browser_reads_by_its_cookie_and_writes_with_proof(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/api/v1/me")).status_code == 200
    switch = {"organization_id": "org_2"}
    for proof in ({}, {"x-csrf-token": ""}, {"x-csrf-token": "guess"}, {"x-csrf-token": "x" * 5_000}):
        assert code_of(await browser.post("/api/v1/auth/switch", json=switch, headers=proof)) == (403, "csrf_failed")
    moved = await browser.post("/api/v1/auth/switch", json=switch, headers=csrf_of(browser))
    assert moved.status_code == 200
    assert (await browser.get("/api/v1/me")).json()["data"]["organization_id"] == "org_2"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "https://gw.example.evil.example"},
        {"origin": "https://gw.example:8443"},
        {"origin": "https://user@gw.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "file://"},
        {"origin": "https://["},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://gw.example", "sec-fetch-site": "cross-site"},
    ],
)
async def test_other_sites_can_make_a_browser_do_nothing(browser: httpx.AsyncClient, headers: dict[str, str]) -> None:
    proof = headers | csrf_of(browser)
    for path, body in (("switch", {"organization_id": "org_2"}), ("refresh", {}), ("logout", None)):
        answer = await browser.post(f"/api/v1/auth/{path}", json=body, headers=proof)
        assert code_of(answer) == (403, "cross_site_request"), path
    forced = await browser.post("/api/v1/auth/login", json=ADA | {"mode": "cookie"}, headers=headers)
    assert code_of(forced) == (403, "cross_site_request")
    assert (await browser.get("/api/v1/me")).json()["data"]["organization_id"] == "org_1"


@pytest.mark.parametrize("origin", ["https://gw.example", "https://gw.example:443", "HTTPS://GW.EXAMPLE"])
async def test_our_own_pages_can(browser: httpx.AsyncClient, origin: str) -> None:
    ours = {"origin": origin.lower(), "sec-fetch-site": "same-origin"} | csrf_of(browser)
    assert (await browser.post("/api/v1/auth/refresh", json={}, headers=ours)).status_code == 200


async def test_a_browser_goes_on_and_signs_out(browser: httpx.AsyncClient) -> None:
    before = dict(browser.cookies)
    assert code_of(await browser.post("/api/v1/auth/refresh", json={})) == (403, "csrf_failed")
    answer = await browser.post("/api/v1/auth/refresh", json={}, headers=csrf_of(browser))
    assert answer.json()["data"]["access_token"] is None
    assert browser.cookies["__Secure-headworks-refresh"] != before["__Secure-headworks-refresh"]
    assert browser.cookies["__Host-headworks-csrf"] == before["__Host-headworks-csrf"]
    assert (await browser.get("/api/v1/me")).status_code == 200
    answer = await browser.post("/api/v1/auth/logout", headers=csrf_of(browser))
    assert answer.status_code == 204
    assert {morsel["max-age"] for morsel in cookies_of(answer).values()} == {"0"}


async def test_two_credentials_are_one_too_many(browser: httpx.AsyncClient) -> None:
    for other in ("Bearer x", "Basic eA=="):
        answer = await browser.get("/api/v1/me", headers={"authorization": other})
        assert code_of(answer) == (400, "two_credentials")


async def test_a_cookie_is_no_bearer_nor_the_other_way(browser: httpx.AsyncClient, program: httpx.AsyncClient) -> None:
    cookie = browser.cookies["__Host-headworks-access"]
    answer = await program.get("/api/v1/me", headers={"authorization": f"Bearer {cookie}"})
    assert code_of(answer) == (401, "invalid_token")
    token = (await login(program)).json()["data"]["access_token"]
    answer = await program.get("/api/v1/me", headers={"cookie": f"__Host-headworks-access={token}"})
    assert code_of(answer) == (401, "invalid_token")
    # A name that only this machine uses opens nothing elsewhere.
    answer = await program.get("/api/v1/me", headers={"cookie": f"headworks-access={cookie}"})
    assert code_of(answer) == (401, "unauthenticated")


async def test_somebody_who_must_change_their_password_does_that_first(
    world: World, program: httpx.AsyncClient
) -> None:
    user = (await world.enter()).user
    await world.passwords.set_one_time(user, Secret("q4m9x-one-time"))
    data = (await login(program, password="q4m9x-one-time")).json()["data"]
    assert data["must_change_password"] is True
    bearer = {"authorization": f"Bearer {data['access_token']}"}
    for method, path in (("GET", "sessions"), ("GET", "keys"), ("POST", "auth/switch"), ("POST", "auth/totp")):
        answer = await program.request(method, f"/api/v1/{path}", headers=bearer, json={})
        assert code_of(answer) == (403, "password_change_required"), path
    assert (await program.get("/api/v1/me", headers=bearer)).json()["data"]["must_change_password"] is True
    body = {"current_password": "q4m9x-one-time", "new_password": NEW}
    assert (await program.post("/api/v1/auth/password", json=body, headers=bearer)).status_code == 204
    assert (await program.get("/api/v1/sessions", headers=bearer)).status_code == 200


async def test_sessions_are_listed_and_ended(program: httpx.AsyncClient) -> None:
    ours = [(await login(program)).json()["data"] for _ in range(3)]
    bearers = [{"authorization": f"Bearer {one['access_token']}"} for one in ours]
    listed = (await program.get("/api/v1/sessions", headers=bearers[0])).json()
    assert listed["meta"]["total"] == 3
    assert [one["is_current"] for one in listed["data"]] == [False, False, True]
    assert {one["source"] for one in listed["data"]} == {"192.0.2.9"}
    assert set(listed["data"][0]) == {
        "id", "organization_id", "carriage", "created_at", "last_seen_at", "expires_at", "source", "user_agent",
        "is_current",
    }  # fmt: skip
    path = f"/api/v1/sessions/{ours[1]['session_id']}"
    assert (await program.delete(path, headers=bearers[0])).status_code == 204
    assert code_of(await program.get("/api/v1/me", headers=bearers[1])) == (401, "session_ended")
    assert code_of(await program.delete(path, headers=bearers[0])) == (404, "session_not_found")
    assert (await program.delete("/api/v1/sessions", headers=bearers[0])).status_code == 204
    assert code_of(await program.get("/api/v1/me", headers=bearers[2])) == (401, "session_ended")
    assert (await program.get("/api/v1/me", headers=bearers[0])).status_code == 200


async def test_a_second_factor_from_beginning_to_end(program: httpx.AsyncClient) -> None:
    bearer = {"authorization": f"Bearer {(await login(program)).json()['data']['access_token']}"}
    wrong = await program.post("/api/v1/auth/totp", json={"password": "wrong"}, headers=bearer)
    assert code_of(wrong) == (401, "wrong_credentials")
    made = await program.post("/api/v1/auth/totp", json={"password": PASSWORD}, headers=bearer)
    assert (made.status_code, made.headers["location"]) == (201, "/api/v1/auth/totp")
    assert made.json()["data"]["uri"].startswith("otpauth://totp/")
    bad = await program.post("/api/v1/auth/totp/confirm", json={"code": "x"}, headers=bearer)
    assert code_of(bad) == (401, "wrong_second_factor")
    shown = (await program.get("/api/v1/auth/totp", headers=bearer)).json()["data"]
    assert shown == {"confirmed_at": None, "recovery_codes_left": 0}
    removed = await program.post("/api/v1/auth/totp/remove", json={"password": PASSWORD}, headers=bearer)
    assert code_of(removed) == (409, "no_second_factor")


async def test_too_many_tries_say_when_to_come_again(program: httpx.AsyncClient) -> None:
    answers = [await login(program, password=f"guess {number}") for number in range(6)]
    assert [code_of(one) for one in answers[:5]] == [(401, "wrong_credentials")] * 5
    assert code_of(answers[5]) == (429, "too_many_tries")
    assert answers[5].headers["retry-after"] == "1"


async def test_unknown_and_wrong_answer_alike(program: httpx.AsyncClient) -> None:
    wrong, unknown = await login(program, password="wrong"), await login(program, email="nobody@example.org")
    for answer in (wrong, unknown):
        assert code_of(answer) == (401, "wrong_credentials")
    assert wrong.json()["detail"] == unknown.json()["detail"]
    assert set(wrong.headers) == set(unknown.headers)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "ada@example.org"},
        ADA | {"email": "x" * 321},
        ADA | {"email": 7},
        ADA | {"password": ""},
        ADA | {"password": "x" * 65_537},
        ADA | {"password": ["x"]},
        ADA | {"mode": "header"},
        ADA | {"is_operator": True},
        ADA | {"role": "admin"},
        ADA | {"code": "1" * 17},
    ],
)
async def test_bad_bodies_are_refused_and_never_repeated(program: httpx.AsyncClient, body: dict[str, object]) -> None:
    answer = await program.post("/api/v1/auth/login", json=body)
    assert code_of(answer) == (422, "invalid_request")
    assert PASSWORD not in answer.text


@pytest.mark.parametrize("email", ["", "\0", "ada\0@example.org", "ada@exam\nple.org", "' OR 1=1 --", "\u202eada"])
async def test_odd_addresses_are_just_unknown(program: httpx.AsyncClient, email: str) -> None:
    answer = await login(program, email=email)
    assert code_of(answer) == (401, "wrong_credentials")


@pytest.mark.parametrize("email", [" ada@example.org ", "ADA@EXAMPLE.ORG", "ada@example.org\n"])
async def test_an_address_is_found_however_it_was_typed(program: httpx.AsyncClient, email: str) -> None:
    assert (await login(program, email=email)).status_code == 200


async def test_the_keys_are_published_as_others_read_them(program: httpx.AsyncClient) -> None:
    await login(program)
    answer = await program.get("/.well-known/jwks.json")
    (key,) = answer.json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert (key["kty"], key["crv"], key["alg"]) == ("EC", "P-256", "ES256")
    assert answer.headers["cache-control"] == "public, max-age=300"
