"""What operators set up once for the installation, called by the people of an organisation that has nothing of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.headworks import Headworks
from tests.support.rig import PROVIDER_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.mock import MockProvider

OWN = "a quartz vow of staples"


@pytest.fixture
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headworks]:
    with Headworks(tmp_path_factory.mktemp("shared") / "home", password_cost="10") as headworks:
        yield headworks


def call(installation: Headworks, method: str, path: str, body: object = None, token: str = "") -> Any:  # noqa: ANN401 - JSON
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = httpx.request(method, f"{installation.url}{path}", json=body, headers=headers, timeout=30, trust_env=False)
    assert answer.is_success, answer.text
    return answer.json().get("data", answer.json()) if answer.content else None


def elsewhere(installation: Headworks) -> str:
    """The access token of the operator, acting in an organisation that was just made."""
    password = json.loads((installation.home / "credentials.json").read_text())["operator_password"]
    granted = call(installation, "POST", "/api/v1/auth/login", {"email": "operator@localhost", "password": password})
    body = {"current_password": password, "new_password": OWN}
    call(installation, "POST", "/api/v1/auth/password", body, granted["access_token"])
    second = call(installation, "POST", "/api/v1/organizations", {"name": "Second"}, granted["access_token"])
    switched = call(
        installation, "POST", "/api/v1/auth/switch", {"organization_id": second["id"]}, granted["access_token"]
    )
    return str(switched["access_token"])


def test_another_organization_calls_a_shared_model(installation: Headworks, upstream: MockProvider) -> None:
    management = installation.management
    management.send(
        "POST",
        "/providers",
        {"name": "big", "base_url": upstream.base_url, "api_key": PROVIDER_KEY},
        owner="installation",
    )
    targets = [{"provider": "big", "upstream_model": "mock:tokens=3"}]
    management.send("POST", "/models", {"alias": "everybody", "targets": targets}, owner="installation")
    token = elsewhere(installation)
    call(installation, "POST", "/api/v1/projects", {"name": "Theirs"}, token)
    key = call(installation, "POST", "/api/v1/keys", {"name": "theirs"}, token)["key"]
    listed = call(installation, "GET", "/v1/models", token=key)
    assert [model["id"] for model in listed] == ["everybody"]
    body = {"model": "everybody", "messages": [{"role": "user", "content": "hi"}]}
    answered = call(installation, "POST", "/v1/chat/completions", body, key)
    assert answered["choices"][0]["message"]["content"]
    management.send("DELETE", "/models/everybody", owner="installation")
    gone = httpx.post(
        f"{installation.url}/v1/chat/completions",
        json=body,
        headers={"authorization": f"Bearer {key}"},
        timeout=30,
        trust_env=False,
    )
    assert gone.status_code == 404
    files = httpx.get(
        f"{installation.url}/v1/files", headers={"authorization": f"Bearer {key}"}, timeout=30, trust_env=False
    )
    assert files.status_code in (400, 404), "what lies at a shared account is nobody's in particular"
