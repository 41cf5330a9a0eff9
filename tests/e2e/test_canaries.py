"""Secrets are planted everywhere that takes one, and then looked for everywhere that shows something."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import httpx
import openai
import pytest

from tests.support.headworks import Headworks
from tests.support.mock import MockProvider
from tests.support.rig import Rig
from tests.support.signatures import Signed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CREDENTIAL = "sk-canary-credential-8f2b6c1d9e"
NEXT_CREDENTIAL = "sk-canary-next-credential-51aa07"
PASSWORD = "canary-Tr0ub4dor&3-horse"
MISTYPED = "hw_sk_canaryMistyped0123456789abcdefghijklmnop"
UNKNOWN = "sk-canary-of-another-gateway-77"


@pytest.fixture
def planted(tmp_path: Path) -> Iterator[tuple[Rig, list[str]]]:
    """An installation that logs all it can, its provider's credential, and every secret there is in it."""
    with MockProvider(tmp_path) as upstream, Headworks(tmp_path / "home", log_level="debug") as headworks:
        rig = Rig(headworks, upstream)
        headworks.management.add_provider("mock", upstream.base_url, api_key=CREDENTIAL)
        key = headworks.management.create_key("canary")["key"]
        signer = headworks.management.create_key("signing canary", signing=True)
        signed = httpx.post(
            f"{headworks.url}/v1/chat/completions",
            json={"model": "headworks/echo", "messages": [{"role": "user", "content": "hello"}]},
            auth=Signed(signer["id"], signer["key"]),
            trust_env=False,
        )
        assert signed.status_code == httpx.codes.OK, signed.text
        secrets = [CREDENTIAL, NEXT_CREDENTIAL, PASSWORD, MISTYPED, UNKNOWN, key, signer["key"]]
        secrets += [headworks.credentials.api_key, headworks.credentials.management_key]
        yield rig, secrets


def test_no_secret_is_ever_shown(planted: tuple[Rig, list[str]]) -> None:
    rig, secrets = planted
    headworks = rig.headworks
    shown = [*wrong_requests(headworks), *good_requests(rig), *every_route(headworks)]
    assert headworks.stop() == 0
    log, banner = written_by(headworks)
    shown += [*log, *audit_rows(headworks.home)]
    assert len("".join(shown)) > 20_000, "there was something to look at"
    assert "provider.changed" in "".join(shown)
    for secret in secrets:
        # The first key is shown to whoever started the server, in the banner of the first start and nowhere else.
        here = shown if secret == headworks.credentials.api_key else [*shown, *banner]
        found = [text for text in here if secret in text]
        assert not found, (secret, found[0][:2000])


def written_by(headworks: Headworks) -> tuple[list[str], list[str]]:
    """The lines of its log, and those that are for people."""
    lines = headworks.child.output().splitlines()
    log = [line for line in lines if line.startswith("{")]
    assert any('"level": "debug"' in line for line in log)
    return log, [line for line in lines if not line.startswith("{")]


def wrong_requests(headworks: Headworks) -> list[str]:
    """Secrets where they do not belong, and of the wrong type: an error must not repeat them."""
    bodies: list[tuple[str, object]] = [
        ("/providers", {"name": "x", "base_url": "https://x.example", "api_key": f"{CREDENTIAL}\n"}),
        ("/providers", {"name": "x", "base_url": "https://x.example", "api_key": [CREDENTIAL]}),
        ("/providers", {"name": "x", "base_url": "https://x.example", "api_key": {"value": CREDENTIAL}}),
        ("/providers", {"name": "x", "base_url": f"https://user:{PASSWORD}@x.example/v1"}),
        ("/providers", {"name": "x", "base_url": "https://x.example", "password": PASSWORD}),
        ("/providers", {"name": "x", "base_url": "https://x.example", "credential_reference": PASSWORD}),
        ("/providers", {"name": 7, "base_url": None, "api_key": CREDENTIAL}),
        ("/keys", {"name": "x", "sha256": PASSWORD}),
        ("/keys", {"name": "x", "kind": PASSWORD}),
        ("/models", {"alias": "x", "targets": PASSWORD}),
    ]
    answers = [send(headworks, "POST", path, body) for path, body in bodies]
    answers.append(
        send(headworks, "PATCH", "/providers/mock", {"api_key": NEXT_CREDENTIAL, "credential_reference": "env:X"})
    )
    answers.append(send(headworks, "POST", "/keys", None, content=f'{{"name": "{PASSWORD}'.encode()))
    assert all(400 <= answer.status_code < 500 for answer in answers), [answer.text for answer in answers]
    for key in (MISTYPED, UNKNOWN):
        headers = {"authorization": f"Bearer {key}"}
        for path in ("/api/v1/keys", "/v1/models", "/v1/chat/completions"):
            answer = httpx.get(f"{headworks.url}{path}", headers=headers, trust_env=False)
            assert answer.status_code in {401, 405}
            answers.append(answer)
    return [text_of(answer) for answer in answers]


def good_requests(rig: Rig) -> list[str]:
    """Uses of every secret, and changes that tell of them."""
    headworks = rig.headworks
    model = rig.model("mock")
    refused = rig.model("mock:status=401")
    with headworks.openai() as client:
        answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}])
        with pytest.raises(openai.APIStatusError) as caught:
            client.chat.completions.create(model=refused, messages=[{"role": "user", "content": "hello"}])
    changed = send(headworks, "PATCH", "/providers/mock", {"api_key": NEXT_CREDENTIAL})
    rotated = send(headworks, "POST", "/keyring/rotations", {})
    assert (changed.status_code, rotated.status_code) == (200, 201), (changed.text, rotated.text)
    return [answer.model_dump_json(), caught.value.response.text, text_of(changed), text_of(rotated)]


ASKED = {
    "/api/v1/usage-rebuilds/check": {"day": "2026-01-01"},
    "/api/v1/re-ratings/preview": {"start": "2026-01-01T00:00:00Z"},
}
"""What some of the routes have to be asked with."""


def every_route(headworks: Headworks) -> list[str]:
    """What every GET without a parameter answers, and the exports."""
    document = httpx.get(f"{headworks.url}/api/v1/openapi.json", trust_env=False).json()
    paths = [path for path, operations in document["paths"].items() if "get" in operations and "{" not in path]
    assert {"/health", "/metrics", "/api/v1/providers", "/api/v1/audit-events/export", "/api/v1/keyring"} <= set(paths)
    headers = {"authorization": f"Bearer {headworks.credentials.management_key}"}
    answers = [
        httpx.get(f"{headworks.url}{path}", headers=headers, params=ASKED.get(path), trust_env=False, timeout=30)
        for path in paths
    ]
    refused = {path for path, answer in zip(paths, answers, strict=True) if answer.status_code != httpx.codes.OK}
    of_people = {"/api/v1/auth/sso/callback", "/api/v1/auth/totp", "/api/v1/sessions"}
    assert refused == of_people | {"/api/v1/dead-letters"}, "a key has no account, and one process no broker"
    return [text_of(answer) for answer in answers]


def audit_rows(home: Path) -> list[str]:
    """The audit trail as it lies on the disk."""
    rows = []
    for context in ("identity", "catalog"):
        with closing(sqlite3.connect(home / f"{context}.sqlite3")) as connection:
            rows += connection.execute(f"SELECT * FROM {context}_audit_trail").fetchall()  # noqa: S608 - a name of ours
    return [json.dumps(row) for row in rows]


def send(headworks: Headworks, method: str, path: str, body: object, content: bytes | None = None) -> httpx.Response:
    headers = {
        "authorization": f"Bearer {headworks.credentials.management_key}",
        "content-type": "application/json",
    }
    sent = json.dumps(body).encode() if content is None else content
    url = f"{headworks.url}/api/v1{path}"
    return httpx.request(method, url, headers=headers, content=sent, trust_env=False, timeout=30)


def text_of(answer: httpx.Response) -> str:
    return f"{answer.status_code} {dict(answer.headers)} {answer.text}"
