"""Single sign-on at a running server, with a certified OpenID provider, over real sockets."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.child import ROOT
from tests.support.headworks import Headworks
from tests.support.openid import CLIENT_ID, CLIENT_SECRET, SCOPES, Browser, OpenIdProvider, person, signing_key

if TYPE_CHECKING:
    from collections.abc import Iterator

PEOPLE = {
    "ada": person("ada", "engineering", "everybody"),
    "bob": person("bob", "everybody"),
    "cyd": person("cyd"),
    "mallory": person("mallory", "engineering", verified=False),
    "eve": person("eve", "engineering", domain="elsewhere.example"),
    "operator": {"email": "root@example.org", "email_verified": True, "groups": ["engineering"]},
}
GROUPS = [{"group": "engineering", "role": "maintainer"}, {"group": "everybody", "role": "viewer"}]


class Company:
    """An installation, its directory, and the connection between them."""

    def __init__(self, headworks: Headworks, directory: OpenIdProvider) -> None:
        self.headworks = headworks
        self.directory = directory
        self.management = headworks.management
        self.organization = self.management.get("/organizations")[0]["id"]
        self.connection: dict[str, Any] = self.management.post("/sso-connections", self.wish())
        self.callback = f"{headworks.url}/api/v1/auth/sso/callback"

    def wish(self, **fields: object) -> dict[str, object]:
        """A connection to make."""
        return {
            "name": "Directory",
            "issuer": self.directory.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "scopes": SCOPES,
            "group_roles": GROUPS,
            "joins": True,
            "allowed_domains": ["example.org"],
            **fields,
        }

    def change(self, **fields: object) -> None:
        """Change the connection."""
        self.management.send("PATCH", f"/sso-connections/{self.connection['id']}", fields)

    def start(self, **query: str) -> str:
        """Where signing in begins."""
        url = httpx.URL(f"{self.headworks.url}/api/v1/auth/sso/{self.organization}/start", params=query)
        return str(url)

    def enter(self, browser: Browser, **query: str) -> httpx.Response:
        """Sign in; what the callback answered."""
        return browser.go(self.start(**query), self.callback)

    def me(self, browser: Browser) -> dict[str, Any]:
        """Who the browser's cookies are of."""
        answer = browser.http.get(f"{self.headworks.url}/api/v1/me", headers={"accept": "application/json"})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["data"]
        return found

    def member(self, name: str) -> dict[str, Any] | None:
        """Somebody among the members."""
        members = self.management.get("/members")
        return next((one for one in members if one["email"] == f"{name}@example.org"), None)

    def said(self, action: str) -> list[dict[str, Any]]:
        """What the trail has of an action, the newest first."""
        found: list[dict[str, Any]] = self.management.get("/audit-events", action=action)
        return found


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with Headworks(tmp_path / "home", password_cost="10", operator_email="root@example.org") as headworks:
        callback = f"{headworks.url}/api/v1/auth/sso/callback"
        with OpenIdProvider(tmp_path, callback, PEOPLE) as directory:
            yield Company(headworks, directory)


def shown(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal that a person sees."""
    assert answer.headers["content-type"].startswith("text/html"), answer.text
    return answer.status_code, answer.text.partition("<code>")[2].partition("</code>")[0]


def test_people_join_by_themselves_with_the_role_of_their_groups(company: Company) -> None:
    assert company.connection["redirect_uri"] == company.callback
    with Browser("ada") as browser:
        answer = company.enter(browser, return_to="/usage?day=1")
        assert (answer.status_code, answer.headers["location"]) == (303, "/usage?day=1"), answer.text
        me = company.me(browser)
        assert (me["user"]["email"], me["user"]["name"]) == ("ada@example.org", "Ada")
        assert (me["organization_id"], me["memberships"][0]["role"]) == (company.organization, "maintainer")
        assert not [cookie for cookie in browser.http.cookies if "sso" in cookie]
        # The same person again is the same user.
        again = company.enter(browser)
        assert again.headers["location"] == "/"
        assert company.me(browser)["id"] == me["id"]
    (started, *_) = company.said("session.started")
    assert (started["actor_id"], started["after"]["connection_id"]) == (me["id"], company.connection["id"])
    (joined,) = [one for one in company.said("membership.created") if one["after"]["user_id"] == me["id"]]
    assert (joined["actor_kind"], joined["actor_id"]) == ("system", company.connection["id"])


def test_a_role_follows_the_groups_at_the_next_sign_in(company: Company) -> None:
    with Browser("ada") as browser:
        company.enter(browser)
        assert "keys:write" in company.me(browser)["permissions"]
        company.directory.change(people={**PEOPLE, "ada": person("ada", "everybody")})
        assert company.enter(browser).status_code == 303
        assert "keys:write" not in company.me(browser)["permissions"]
        company.directory.change(people={**PEOPLE, "ada": person("ada")})
        assert shown(company.enter(browser)) == (403, "sso_no_role")
        # The membership is gone, and with it what the session opened.
        assert company.member("ada") is None
        answer = browser.http.get(f"{company.headworks.url}/api/v1/keys", headers={"accept": "application/json"})
        assert answer.status_code == 403
    assert [one["action"] for one in company.said("membership.removed")] == ["membership.removed"]


def test_who_may_not_come_in_changes_nothing(company: Company) -> None:
    before = company.management.get("/users")
    for name, code in (
        ("cyd", "sso_no_role"),
        ("mallory", "sso_email_not_verified"),
        ("eve", "sso_not_allowed"),
        ("operator", "sso_not_for_operators"),
    ):
        with Browser(name) as browser:
            answer = company.enter(browser)
            assert shown(answer) == (403, code), name
            assert not [cookie for cookie in browser.http.cookies if "access" in cookie]
        assert company.said("sso_connection.sign_in_refused")[0]["after"]["reason"] == code
    assert company.management.get("/users") == before
    company.change(joins=False)
    with Browser("ada") as browser:
        assert shown(company.enter(browser)) == (403, "sso_not_allowed")
    assert company.management.get("/users") == before


def test_an_account_that_is_there_is_found_by_its_address_only_where_it_belongs(company: Company) -> None:
    """Somebody of another organisation is nobody here until they are invited."""
    management = company.management
    invited = management.post("/invitations", {"email": "bob@example.org", "role": "admin"})
    company.change(joins=False)
    with Browser("bob") as browser:
        assert company.enter(browser).status_code == 303
        assert company.me(browser)["memberships"][0]["role"] == "viewer"
    assert management.get(f"/invitations/{invited['id']}")["state"] == "accepted"
    member = company.member("bob")
    assert member is not None
    management.delete(f"/members/{member['id']}")
    with Browser("bob") as browser:
        assert shown(company.enter(browser)) == (403, "sso_not_allowed")


def test_a_session_of_a_directory_opens_no_other_organisation(company: Company) -> None:
    with Browser("ada") as browser:
        company.enter(browser)
        other = company.management.post("/organizations", {"name": "Another"})
        csrf = {"x-csrf-token": str(browser.http.cookies["headworks-csrf"]), "accept": "application/json"}
        body = {"organization_id": other["id"]}
        answer = browser.http.post(f"{company.headworks.url}/api/v1/auth/switch", json=body, headers=csrf)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "sso_session_bound")


def test_providers_that_keep_to_the_letter_say_it_in_userinfo(company: Company) -> None:
    company.directory.change(conform=True)
    with Browser("ada") as browser:
        assert company.enter(browser).status_code == 303
        assert company.me(browser)["memberships"][0]["role"] == "maintainer"
    with Browser("mallory") as browser:
        assert shown(company.enter(browser)) == (403, "sso_email_not_verified")


def test_a_directory_that_takes_the_secret_in_the_body_alone(company: Company) -> None:
    company.directory.change(authMethods=["client_secret_post"])
    with Browser("ada") as browser:
        assert company.enter(browser).status_code == 303
    company.change(client_secret="another")
    with Browser("ada") as browser:
        answer = company.enter(browser)
        assert shown(answer) == (401, "sso_refused")
        assert "invalid_client" in answer.text


def test_new_keys_are_found(company: Company, tmp_path: Path) -> None:
    with Browser("ada") as browser:
        assert company.enter(browser).status_code == 303
        # Keys that were read less than half a minute ago are not asked for again, whatever a token names.
        company.directory.change(key=signing_key("second"))
        answer = company.enter(browser)
        assert shown(answer) == (401, "sso_refused")
        assert "does not publish" in answer.text
        company.headworks.kill()
        company.headworks.start()
        assert company.enter(browser).status_code == 303


def test_state_and_code_work_once_and_in_one_browser(company: Company) -> None:
    with Browser("ada") as ada, Browser("bob") as bob:
        place = ada.sent_to(company.start(), company.callback)
        # The same address in another browser: it lacks the cookie, and takes nothing away from who has it.
        assert shown(bob.http.get(place)) == (400, "sso_attempt_refused")
        assert ada.http.get(place).status_code == 303
        assert shown(ada.http.get(place)) == (400, "sso_attempt_refused")
        refused = ada.http.get(company.callback, headers={"accept": "application/json"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "sso_attempt_refused")
    assert [one["after"]["user_id"] for one in company.said("session.started")] == [
        company.said("user.created")[0]["resource_id"]
    ]


def test_a_code_of_somebody_else_is_not_taken(company: Company) -> None:
    """Code injection: another sign-in's code with one's own state. PKCE and the nonce are of the sign-in."""
    with Browser("ada") as ada, Browser("bob") as bob:
        stolen = httpx.URL(bob.sent_to(company.start(), company.callback)).params["code"]
        own = httpx.URL(ada.sent_to(company.start(), company.callback))
        answer = ada.http.get(own.copy_set_param("code", stolen))
        assert shown(answer) == (401, "sso_refused")
        assert "invalid_grant" in answer.text


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:1", ""])
def test_an_answer_of_another_issuer_is_not_taken(company: Company, issuer: str) -> None:
    with Browser("ada") as ada:
        own = httpx.URL(ada.sent_to(company.start(), company.callback))
        answer = ada.http.get(own.copy_set_param("iss", issuer))
        assert shown(answer) == (401, "sso_refused")
    assert company.member("ada") is None


def test_a_refusal_of_the_directory_is_told(company: Company) -> None:
    with Browser("ada") as ada:
        own = httpx.URL(ada.sent_to(company.start(), company.callback))
        query = {"state": own.params["state"], "iss": own.params["iss"], "error": "access_denied"}
        answer = ada.http.get(own.copy_with(params={**query, "error_description": "<b>click here</b>"}))
        assert shown(answer) == (401, "sso_refused")
        assert "access_denied" in answer.text
        assert "click here" not in answer.text


def test_a_connection_that_is_disabled_or_removed_lets_nobody_in(company: Company) -> None:
    with Browser("ada") as ada:
        place = ada.sent_to(company.start(), company.callback)
        company.change(enabled=False)
        assert shown(ada.http.get(place)) == (400, "sso_attempt_refused")
        assert shown(ada.http.get(company.start())) == (404, "no_single_sign_on")
        company.change(enabled=True)
        place = ada.sent_to(company.start(), company.callback)
        company.management.delete(f"/sso-connections/{company.connection['id']}")
        assert shown(ada.http.get(place)) == (400, "sso_attempt_refused")
        assert shown(ada.http.get(company.start())) == (404, "no_single_sign_on")
        unknown = company.start().replace(company.organization, "org_nobody")
        assert shown(ada.http.get(unknown)) == (404, "no_single_sign_on")
    assert company.member("ada") is None


def test_the_last_admin_stays_one(company: Company) -> None:
    """Whatever the directory says of them."""
    management = company.management
    other = management.post("/organizations", {"name": "Small"})
    assert other["id"]
    management.post("/invitations", {"email": "ada@example.org", "role": "admin"})
    company.change(group_roles=[])
    with Browser("ada") as ada:
        assert company.enter(ada).status_code == 303
        member = company.member("ada")
        assert member is not None
        assert member["role"] == "admin"
        # The operator, who is an admin too, leaves.
        (operator,) = [one for one in management.get("/members") if one["email"] == "root@example.org"]
        management.delete(f"/members/{operator['id']}")
        company.change(group_roles=GROUPS)
        assert company.enter(ada).status_code == 303
    member = company.member("ada")
    assert member is not None
    assert member["role"] == "admin"
    assert company.said("sso_connection.last_admin_kept")[0]["after"]["directory_says"] == "maintainer"


def test_the_directory_is_away(company: Company) -> None:
    with Browser("ada") as ada:
        place = ada.sent_to(company.start(), company.callback)
        company.directory.child.kill()
        answer = ada.http.get(place)
        assert shown(answer) == (503, "sso_provider_failed")
        assert "127.0.0.1" in answer.text
    assert company.member("ada") is None


def test_no_secret_is_written_down(company: Company) -> None:
    with Browser("ada") as ada:
        place = ada.sent_to(company.start(), company.callback)
        cookies = [str(one.value) for one in ada.http.cookies.jar if "sso" in one.name]
        assert cookies
        assert ada.http.get(place).status_code == 303
    answers = json.dumps([company.management.get("/sso-connections"), company.said("sso_connection.created")])
    assert CLIENT_SECRET not in answers
    assert company.headworks.stop() == 0
    seen = company.headworks.child.output().encode()
    seen += b"".join(path.read_bytes() for path in company.headworks.home.glob("*.sqlite3*"))
    parameters = httpx.URL(place).params
    for secret in (CLIENT_SECRET, parameters["code"], parameters["state"], *cookies):
        assert secret.encode() not in seen


@contextmanager
def command_line(company: Company, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`headworks login --sso`, as somebody runs it who has no management key: the server's address is all they know."""
    home = company.headworks.home.with_name("elsewhere")
    command = [sys.executable, "-m", "headworks.entrypoints.cli", "--url", company.headworks.url, "--home", str(home)]
    environment = {**os.environ, "XDG_CONFIG_HOME": str(home), "PYTHONPATH": str(ROOT / "src")}  # noqa: TID251 - handed on
    started = subprocess.Popen(  # noqa: S603 - our own command
        [*command, "login", "--sso", "Default", "--json", *options],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with started:
        yield started
        started.kill()


def told(started: subprocess.Popen[str]) -> str:
    """The address that it prints."""
    assert started.stderr is not None
    return next(line.strip() for line in started.stderr if line.startswith("http"))


def ended(started: subprocess.Popen[str], said: str | None = None) -> dict[str, Any]:
    """What it printed, and the tokens that it kept."""
    out, err = started.communicate(said, timeout=60)
    assert started.returncode == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.mark.parametrize("pastes", [False, True])
def test_a_command_line_signs_in_through_the_browser(company: Company, *, pastes: bool) -> None:
    company.management.send("PATCH", f"/organizations/{company.organization}", {"name": "Default"})
    with Browser("ada") as ada, command_line(company, "--paste" if pastes else "--no-browser") as started:
        back = str(ada.http.get(ada.sent_to(told(started), company.callback)).headers["location"])
        if pastes:
            granted = ended(started, f"{back}\n")
        else:
            # Who else is on this machine may knock, and is not let in.
            guess = httpx.URL(back).copy_set_param("state", "guess")
            assert ada.http.get(guess).status_code == 404
            assert ada.http.get(back).status_code == 200
            granted = ended(started)
            parameters = httpx.URL(back).params
            body = {"code": parameters["code"], "code_verifier": "v" * 43}
            answer = httpx.post(f"{company.headworks.url}/api/v1/auth/sso/token", json=body, trust_env=False)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "sso_attempt_refused")
    assert granted["user"]["email"] == "ada@example.org"
    kept = json.loads((company.headworks.home.with_name("elsewhere") / "headworks" / "sessions.json").read_text())
    token = kept[company.headworks.url]["access_token"]
    me = httpx.get(
        f"{company.headworks.url}/api/v1/me", headers={"authorization": f"Bearer {token}"}, trust_env=False
    ).json()["data"]
    assert (me["user"]["email"], me["organization_id"]) == ("ada@example.org", company.organization)


def test_a_code_on_its_way_to_a_command_line_is_worth_nothing_without_its_verifier(company: Company) -> None:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 64).digest()).decode().rstrip("=")
    query = {"loopback_port": "50000", "code_challenge": challenge, "client_state": "mine"}
    url = f"{company.headworks.url}/api/v1/auth/sso/token"
    with Browser("ada") as ada:
        back = httpx.URL(str(company.enter(ada, **query).headers["location"]))
        assert (back.host, back.port, back.params["state"]) == ("127.0.0.1", 50000, "mine")
        # The first try uses the code up, whoever makes it.
        for verifier in ("w" * 64, "v" * 64):
            answer = httpx.post(url, json={"code": back.params["code"], "code_verifier": verifier}, trust_env=False)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "sso_attempt_refused")
        back = httpx.URL(str(company.enter(ada, **query).headers["location"]))
        assert not [one for one in ada.http.cookies.jar if one.name == "headworks-access"]
    answer = httpx.post(url, json={"code": back.params["code"], "code_verifier": "v" * 64}, trust_env=False)
    assert answer.json()["data"]["user"]["email"] == "ada@example.org"
