"""What no real directory would do, on real sockets: each is refused with a reason, changes nothing, and is written down."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from headworks.identity.contracts import GroupRole
from headworks.identity.settings import SsoSettings
from tests.support.false_directory import (
    CLIENT_ID,
    CLIENT_SECRET,
    FalseDirectory,
    by_secret,
    public_jwk,
    public_pem,
    signed,
    unsigned,
)
from tests.support.scripted import Asked, Reply
from tests.unit.identity.sso.conftest import START, Stage, code_of

Claims = dict[str, Any]
DAY = timedelta(days=1)


@pytest.fixture
async def asked(stage: Stage) -> httpx.QueryParams:
    """A sign-in that was begun."""
    await stage.connect()
    return await stage.begin()


async def give(stage: Stage, asked: httpx.QueryParams, token: str, **fields: object) -> httpx.Response:
    """Come back, with a directory that gives this token."""
    stage.directory.grant(token, **fields)
    return await stage.come_back(state=asked["state"], code="c")


def honest(stage: Stage, asked: httpx.QueryParams, **fields: object) -> Claims:
    return stage.directory.claims(stage.clock(), **{"nonce": asked["nonce"], **fields})


async def nothing_changed(stage: Stage) -> None:
    assert await stage.accounts() == 0
    assert await stage.trail() == ["sso_connection.created", "sso_connection.sign_in_refused"]
    assert not [one for one in stage.http.cookies.jar if "access" in one.name]


@pytest.mark.parametrize(("key", "algorithm"), [("rsa", "RS256"), ("rsa", "PS512"), ("ec", "ES256")])
async def test_an_honest_token_lets_in(stage: Stage, asked: httpx.QueryParams, key: str, algorithm: str) -> None:
    answer = await give(stage, asked, signed(honest(stage, asked), key, algorithm))
    assert (answer.status_code, answer.headers["location"]) == (303, "/"), answer.text
    assert {one.name for one in stage.http.cookies.jar} == {"headworks-access", "headworks-refresh", "headworks-csrf"}
    assert await stage.accounts() == 1
    (redeemed,) = [one for one in stage.directory.asked if one.path == "/token"]
    assert CLIENT_SECRET.encode() not in redeemed.body
    assert redeemed.headers["authorization"].startswith("Basic ")


FORGED: dict[str, Callable[[Claims], str]] = {
    "alg none": unsigned,
    "alg None": lambda claims: unsigned(claims, "None"),
    "no alg": lambda claims: unsigned(claims, ""),
    "HS256 with the client secret": lambda claims: by_secret(claims, CLIENT_SECRET.encode()),
    "HS256 with the public key": lambda claims: by_secret(claims, public_pem()),
    "unknown kid": lambda claims: signed(claims, kid="nobody"),
    "no kid where there are several": lambda claims: signed(claims, kid=None),
    "another key under a known kid": lambda claims: signed(claims, "strange", kid="rsa"),
    "a key of its own in the header": lambda claims: signed(claims, "strange", kid="rsa", jwk=public_jwk("strange")),
    "a key from elsewhere": lambda claims: signed(claims, "strange", kid="rsa", jku="https://evil.example/keys"),
    "an RSA key that is too short": lambda claims: signed(claims, "small"),
    "another algorithm than its key's": lambda claims: signed(claims, "rsa", "RS256", kid="ec"),
    "a critical extension": lambda claims: signed(claims, crit=["exp-at"]),
    "a signature that was cut off": lambda claims: signed(claims).rpartition(".")[0] + ".",
    "no token at all": lambda _: "nonsense",
    "five parts": lambda claims: signed(claims) + ".a.b",
}


@pytest.mark.parametrize("how", FORGED)
async def test_a_forged_token_is_refused(stage: Stage, asked: httpx.QueryParams, how: str) -> None:
    token = FORGED[how](honest(stage, asked))
    assert code_of(await give(stage, asked, token)) == (401, "sso_refused")
    await nothing_changed(stage)


def at(stage: Stage, **period: float) -> int:
    return int((stage.clock() + timedelta(**period)).timestamp())


WRONG: dict[str, Callable[[Stage], Claims]] = {
    "expired": lambda stage: {"iat": at(stage, minutes=-20), "exp": at(stage, minutes=-2)},
    "issued in the future": lambda stage: {"iat": at(stage, days=300), "exp": at(stage, days=300, minutes=5)},
    "not valid yet": lambda stage: {"nbf": at(stage, minutes=5)},
    "valid for a year": lambda stage: {"exp": at(stage, days=365)},
    "a time that is none": lambda _: {"exp": "tomorrow"},
    "a time beyond all": lambda _: {"exp": 1e300},
    "no expiry": lambda _: {"exp": None},
    "no time of issue": lambda _: {"iat": None},
    "another audience": lambda _: {"aud": "another"},
    "a list of other audiences": lambda _: {"aud": ["another", "third"]},
    "several audiences and no azp": lambda _: {"aud": [CLIENT_ID, "another"]},
    "several audiences and another azp": lambda _: {"aud": [CLIENT_ID, "another"], "azp": "another"},
    "another azp": lambda _: {"azp": "another"},
    "an audience that contains ours": lambda _: {"aud": f"{CLIENT_ID}-2"},
    "another issuer": lambda _: {"iss": "https://evil.example"},
    "an issuer with a slash": lambda stage: {"iss": f"{stage.directory.origin}/"},
    "another nonce": lambda _: {"nonce": "another"},
    "no nonce": lambda _: {"nonce": None},
    "a nonce that is no text": lambda _: {"nonce": ["n"]},
    "a nonce beyond UTF-8": lambda _: {"nonce": "\ud800"},
    "no subject": lambda _: {"sub": None},
    "an empty subject": lambda _: {"sub": ""},
    "a number as subject": lambda _: {"sub": 7},
    "a subject of 256": lambda _: {"sub": "s" * 256},
    "a subject with a NUL": lambda _: {"sub": "a\0b"},
}


@pytest.mark.parametrize("how", WRONG)
async def test_a_token_that_says_the_wrong_thing_is_refused(stage: Stage, asked: httpx.QueryParams, how: str) -> None:
    token = signed(honest(stage, asked, **WRONG[how](stage)))
    assert code_of(await give(stage, asked, token)) == (401, "sso_refused")
    await nothing_changed(stage)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"email": None}, "sso_email_not_verified"),
        ({"email": "no address"}, "sso_email_not_verified"),
        ({"email": ["ada@example.org"]}, "sso_email_not_verified"),
        ({"email_verified": None}, "sso_email_not_verified"),
        ({"email_verified": False}, "sso_email_not_verified"),
        ({"email_verified": "false"}, "sso_email_not_verified"),
        ({"email_verified": "yes"}, "sso_email_not_verified"),
        ({"email_verified": 1}, "sso_email_not_verified"),
        ({"email": "ada@elsewhere.example"}, "sso_not_allowed"),
        ({"email": "ada@sub.example.org"}, "sso_not_allowed"),
        ({"email": "ada@example.org.evil.example"}, "sso_not_allowed"),
    ],
)
async def test_nobody_is_made_by_an_address_that_proves_nothing(
    stage: Stage, asked: httpx.QueryParams, fields: Claims, code: str
) -> None:
    assert code_of(await give(stage, asked, signed(honest(stage, asked, **fields)))) == (403, code)
    await nothing_changed(stage)


@pytest.mark.parametrize("fields", [{"email_verified": "true"}, {"email_verified": None, "xms_edov": True}])
async def test_what_some_directories_say_instead(stage: Stage, asked: httpx.QueryParams, fields: Claims) -> None:
    assert (await give(stage, asked, signed(honest(stage, asked, **fields)))).status_code == 303


async def test_a_wrong_state_a_replay_and_another_browser(stage: Stage, asked: httpx.QueryParams) -> None:
    stage.directory.grant(signed(honest(stage, asked)))
    for state in ("", "x", asked["state"][:-1], asked["state"] + "A", "s" * 5_000):
        assert code_of(await stage.come_back(state=state, code="c")) == (400, "sso_attempt_refused")
    assert code_of(await stage.come_back(code="c")) == (400, "sso_attempt_refused")
    (cookie,) = [one for one in stage.http.cookies.jar if "sso" in one.name]
    forged = {"cookie": f"{cookie.name}=guess"}
    stage.http.cookies.clear()
    answer = await stage.http.get(
        "/api/v1/auth/sso/callback", params={"state": asked["state"], "code": "c"}, headers=forged
    )
    assert code_of(answer) == (400, "sso_attempt_refused")
    assert not [one for one in stage.directory.asked if one.path == "/token"]
    assert await stage.accounts() == 0


async def test_a_sign_in_lasts_ten_minutes(stage: Stage, asked: httpx.QueryParams) -> None:
    stage.clock.forward(minutes=10)
    assert code_of(await give(stage, asked, signed(honest(stage, asked)))) == (400, "sso_attempt_refused")


async def test_a_directory_that_names_itself_must_do_so(stage: Stage) -> None:
    stage.directory.describe(authorization_response_iss_parameter_supported=True)
    await stage.connect()
    asked = await stage.begin()
    assert code_of(await give(stage, asked, signed(honest(stage, asked)))) == (401, "sso_refused")
    asked = await stage.begin()
    stage.directory.grant(signed(honest(stage, asked)))
    answer = await stage.come_back(state=asked["state"], code="c", iss=stage.directory.origin, session_state="x")
    assert answer.status_code == 303


async def test_groups_that_were_left_out_take_nobodys_role(stage: Stage) -> None:
    """Too many groups look like none."""
    connection = await stage.connect()
    asked = await stage.begin()
    assert (await give(stage, asked, signed(honest(stage, asked)))).status_code == 303
    await stage.change(connection, group_roles=[GroupRole("g", "maintainer")], removes_default_role=True)
    for overage in (
        {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example"}}},
        {"hasgroups": True},
        {"groups": {"g": True}},
        {"groups": [7]},
        {"groups": ["g"] * 6_000},
    ):
        asked = await stage.begin()
        assert code_of(await give(stage, asked, signed(honest(stage, asked, **overage)))) == (401, "sso_refused")
    async with stage.store.read("org_1") as reading:
        (member,) = await _members(reading)
    assert member.membership.role == "viewer"
    asked = await stage.begin()
    assert code_of(await give(stage, asked, signed(honest(stage, asked)))) == (403, "sso_no_role")
    async with stage.store.read("org_1") as reading:
        assert await _members(reading) == []


async def _members(reading: Any) -> list[Any]:  # noqa: ANN401 - a test's shorthand
    from headworks.kernel.pagination import PageRequest  # noqa: PLC0415 - a test's shorthand

    return list((await reading.members.page(PageRequest())).items)


async def test_userinfo_of_somebody_else_adds_nothing(stage: Stage, asked: httpx.QueryParams) -> None:
    thin = honest(stage, asked, email=None, email_verified=None)
    said = {"email": "ada@example.org", "email_verified": True}
    stage.directory.on("GET", "/userinfo", Reply({"sub": "somebody else", **said}))
    assert code_of(await give(stage, asked, signed(thin), access_token="at")) == (401, "sso_refused")
    await nothing_changed(stage)
    asked = await stage.begin()
    stage.directory.on("GET", "/userinfo", Reply({"sub": "ada-1", **said}))
    thin = honest(stage, asked, email=None, email_verified=None)
    assert (await give(stage, asked, signed(thin), access_token="at")).status_code == 303
    assert stage.directory.asked[-1].headers["authorization"] == "Bearer at"


async def test_whether_an_address_is_verified_is_said_where_the_address_is(
    stage: Stage, asked: httpx.QueryParams
) -> None:
    """One statement does not make the other's address good."""
    stage.directory.on("GET", "/userinfo", Reply({"sub": "ada-1", "email": "ada@example.org", "email_verified": False}))
    token = signed(honest(stage, asked, email=None, email_verified=True))
    assert code_of(await give(stage, asked, token, access_token="at")) == (403, "sso_email_not_verified")


BROKEN: dict[str, Reply] = {
    "HTML": Reply(b"<html>log in</html>", headers={"content-type": "text/html"}),
    "megabytes": Reply(b"[" * 3_000_000),
    "a redirect to a metadata address": Reply(status=302, headers={"location": "http://169.254.169.254/latest"}),
    "a redirect home": Reply(status=301, headers={"location": "/"}),
    "an error": Reply({"error": "server_error"}, 500),
    "not found": Reply(status=404),
    "a list": Reply([]),
    "nothing": Reply(b""),
    "too deep": Reply(b"[" * 100_000),
    "compressed": Reply(b"\x1f\x8b", headers={"content-encoding": "gzip"}),
}
PLACES = ("/.well-known/openid-configuration", "/keys", "/token")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("how", BROKEN)
async def test_a_directory_that_is_none(stage: Stage, place: str, how: str) -> None:
    await stage.connect()
    method = "POST" if place == "/token" else "GET"
    if place == PLACES[0]:
        stage.directory.on(method, place, BROKEN[how])
        assert code_of(await stage.http.get(START)) == (503, "sso_provider_failed")
        return
    asked = await stage.begin()
    stage.directory.grant(signed(honest(stage, asked)))
    stage.directory.on(method, place, BROKEN[how])
    answer = await stage.come_back(state=asked["state"], code="c")
    assert code_of(answer) == (503, "sso_provider_failed")
    assert "169.254" not in answer.text
    await nothing_changed(stage)


@pytest.mark.parametrize(
    "fields",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
        {"token_endpoint": "http://169.254.169.254/latest/meta-data"},
        {"token_endpoint": "http://elsewhere.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://user:password@keys.example"},
        {"jwks_uri": ["https://keys.example"]},
        {"userinfo_endpoint": "gopher://127.0.0.1"},
        {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
        {"token_endpoint_auth_methods_supported": "all"},
    ],
)
async def test_a_description_that_leads_elsewhere(stage: Stage, directory: FalseDirectory, fields: Claims) -> None:
    directory.describe(**fields)
    await stage.connect()
    assert code_of(await stage.http.get(START)) == (503, "sso_provider_failed")


@pytest.mark.parametrize("target", ["https://169.254.169.254/keys", "https://[fd00:ec2::254]/", "https://0.0.0.0/"])
async def test_keys_at_an_address_that_is_never_called(stage: Stage, directory: FalseDirectory, target: str) -> None:
    directory.describe(jwks_uri=target)
    await stage.connect()
    asked = await stage.begin()
    answer = await give(stage, asked, signed(honest(stage, asked)))
    assert code_of(answer) == (503, "sso_provider_failed")
    assert "may not be called" in answer.json()["detail"]


async def test_a_directory_that_hangs(stage: Stage, directory: FalseDirectory) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        issuer = f"http://127.0.0.1:{silent.getsockname()[1]}"
        impatient = replace(stage, seconds=0.2)
        await impatient.connect(issuer=issuer)
        answer = await impatient.http.get(START)
        await impatient.http.aclose()
    assert code_of(answer) == (503, "sso_provider_failed")
    assert "did not answer within" in answer.json()["detail"]


async def test_a_directory_that_is_away_is_not_asked_by_everybody(stage: Stage, directory: FalseDirectory) -> None:
    place = "/.well-known/openid-configuration"
    directory.on("GET", place, Reply(status=500))
    await stage.connect()
    for _ in range(5):
        assert (await stage.http.get(START)).status_code == 503
    assert len(directory.asked) == 1
    stage.ticking.seconds += 5
    directory.describe()
    assert (await stage.http.get(START)).status_code == 303


async def test_unknown_keys_make_us_ask_once_in_half_a_minute(stage: Stage, directory: FalseDirectory) -> None:
    await stage.connect()

    async def enter(kid: str) -> int:
        asked = await stage.begin()
        return (await give(stage, asked, signed(honest(stage, asked), kid=kid))).status_code

    def times() -> int:
        return sum(one.path == "/keys" for one in directory.asked)

    assert (await enter("rsa"), times()) == (303, 1)
    assert ([await enter(f"invented {number}") for number in range(3)], times()) == ([401] * 3, 1)
    directory.publish(public_jwk("rsa", kid="rolled"))
    stage.ticking.seconds += 30
    assert (await enter("rolled"), times()) == (303, 2)
    assert (await enter("invented"), times()) == (401, 2)
    stage.ticking.seconds += 3_600
    assert (await enter("rolled"), times()) == (303, 3)


@pytest.mark.parametrize(
    "jwk",
    [
        {"use": "enc"},
        {"alg": "RS512"},
        {"key_ops": ["encrypt"]},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"n": "AQAB"},
        {"e": None},
        {"n": 7},
    ],
)
async def test_keys_that_are_for_something_else(stage: Stage, directory: FalseDirectory, jwk: Claims) -> None:
    directory.publish({**public_jwk("rsa"), **jwk}, "no key", None)
    await stage.connect()
    asked = await stage.begin()
    assert code_of(await give(stage, asked, signed(honest(stage, asked)))) == (401, "sso_refused")


async def test_two_keys_of_one_name_are_none(stage: Stage, directory: FalseDirectory) -> None:
    directory.publish(public_jwk("rsa"), public_jwk("strange", kid="rsa"))
    await stage.connect()
    asked = await stage.begin()
    assert code_of(await give(stage, asked, signed(honest(stage, asked)))) == (401, "sso_refused")


async def test_guessing_is_slowed_down_and_an_outage_is_not(stage: Stage, directory: FalseDirectory) -> None:
    await stage.connect()
    for _ in range(25):
        asked = await stage.begin()
        directory.on("POST", "/token", Reply(status=500))
        assert (await stage.come_back(state=asked["state"], code="c")).status_code == 503
    for number in range(25):
        status = (await stage.come_back(state="guess", code="c")).status_code
        assert status == (400 if number < 20 else 429), number
    answer = await stage.come_back(state="guess", code="c")
    assert code_of(answer) == (429, "too_many_tries")
    assert int(answer.headers["retry-after"]) >= 1


async def test_beginning_without_end_is_slowed_down(stage: Stage) -> None:
    await stage.connect()
    statuses = [(await stage.http.get(START)).status_code for _ in range(65)]
    assert statuses[:60] == [303] * 60
    assert statuses[-1] == 429


async def test_a_browser_gets_a_page_and_nothing_of_it_runs(stage: Stage) -> None:
    await stage.connect()
    browser = {"accept": "text/html,application/xhtml+xml"}
    answer = await stage.http.get("/api/v1/auth/sso/<img src=x onerror=alert(1)>/start", headers=browser)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "<img" not in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    wrong = await stage.http.get(START, params={"loopback_port": "<b>x</b>"}, headers=browser)
    assert wrong.status_code == 422
    assert "<b>x" not in wrong.text
    unasked = await stage.http.get(START, params={"loopback_port": "80", "code_challenge": "x", "client_state": "y"})
    assert code_of(unasked) == (422, "invalid_request")


@pytest.mark.parametrize("change", ["enabled = 0", "issuer = 'https://other.example'"])
async def test_what_changes_while_the_directory_is_asked_counts(
    stage: Stage, directory: FalseDirectory, asked: httpx.QueryParams, change: str, tmp_path: Path
) -> None:
    answer_token = directory.reply_to

    def meanwhile(request: Asked) -> Reply:
        if request.path == "/token":
            with closing(sqlite3.connect(tmp_path / "identity.sqlite3")) as database:
                database.execute(f"UPDATE sso_connections SET {change}")  # noqa: S608 - a text of this test
                database.commit()
        return answer_token(request)

    directory.reply_to = meanwhile  # type: ignore[method-assign, assignment]
    assert code_of(await give(stage, asked, signed(honest(stage, asked)))) == (400, "sso_attempt_refused")
    assert await stage.accounts() == 0


async def test_an_installation_without_private_networks_asks_no_private_directory(stage: Stage) -> None:
    """Whoever made the connection, and whenever."""
    await stage.connect()
    strict = replace(stage, settings=SsoSettings(private_networks=False))
    answer = await strict.http.get(START)
    await strict.http.aclose()
    assert code_of(answer) == (503, "sso_provider_failed")
    assert stage.directory.asked == []


async def test_how_browsers_reach_it_must_be_known(stage: Stage) -> None:
    await stage.connect()
    outside = {"host": "gw.example", "x-forwarded-for": "192.0.2.9"}
    assert code_of(await stage.http.get(START, headers=outside)) == (503, "public_url_needed")
    assert code_of(await stage.http.get(START, headers=outside | {"host": "a b"})) == (503, "public_url_needed")
    by_tls = await stage.http.get(START, headers=outside | {"x-forwarded-proto": "https"})
    assert httpx.URL(by_tls.headers["location"]).params["redirect_uri"].startswith("https://gw.example/api/")
    cookies = by_tls.headers.get_list("set-cookie")
    assert all(one.startswith("__Host-headworks-sso-") and "Secure" in one and "HttpOnly" in one for one in cookies)
    assert len(cookies) == 1
    told = replace(stage, settings=SsoSettings(public_url="https://gw.example"))
    # Who comes by another name is led to the one that the cookie must be of; once, whatever a proxy does to the name.
    moved = await told.http.get(START, params={"return_to": "/usage"})
    assert moved.headers["location"] == f"https://gw.example{START}?return_to=%2Fusage&moved=true"
    assert not moved.headers.get_list("set-cookie")
    again = await told.http.get(START, params={"return_to": "/usage", "moved": "true"})
    assert httpx.URL(again.headers["location"]).params["redirect_uri"].startswith("https://gw.example/api/")
    await told.http.aclose()
