"""A real OpenID provider as a process, and a browser that a person drives through its pages."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Self

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.support.child import ROOT, Child, eventually
from tests.support.node import node

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = ROOT / "tests" / "e2e" / "node" / "openid-provider.mjs"
CLIENT_ID = "headworks"
CLIENT_SECRET = "canary-client-secret-2b7e/+ %41"
"""With what must be encoded on its way."""
SCOPES = ["openid", "email", "profile", "groups"]
_MOST_STEPS = 12


def person(name: str, *groups: str, verified: bool = True, domain: str = "example.org") -> dict[str, object]:
    """What the provider says of somebody."""
    address = {"email": f"{name}@{domain}", "email_verified": verified}
    return {**address, "name": name.title(), "groups": list(groups)}


def signing_key(key_id: str) -> dict[str, Any]:
    """A new private JWK for RS256."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = RSAAlgorithm.to_jwk(private, as_dict=True)
    # Published with the public half, where "sign" would be wrong.
    del jwk["key_ops"]
    return {**jwk, "kid": key_id, "use": "sig", "alg": "RS256"}


class OpenIdProvider:
    """`oidc-provider`, with people in it. It goes on at the same address when it is started again."""

    def __init__(self, folder: Path, redirect_uri: str, people: dict[str, dict[str, object]], **options: Any) -> None:  # noqa: ANN401 - JSON
        """`options`: `conform`, `key`, `authMethods` and `client`, as in its script."""
        self._folder = folder
        self._port = 0
        self._content = {
            "people": people,
            "key": signing_key("first"),
            "conform": False,
            "authMethods": ["client_secret_basic", "client_secret_post"],
            **options,
            "client": {
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "redirect_uris": [redirect_uri],
                **options.get("client", {}),
            },
        }
        self._start()

    def __enter__(self) -> Self:
        """It has started."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.child.kill()

    @property
    def issuer(self) -> str:
        """As it calls itself."""
        return f"http://127.0.0.1:{self._port}"

    def change(self, **content: object) -> None:
        """Start it anew with something else, at the same address."""
        self.child.kill()
        self._content |= content
        self._start()

    def _start(self) -> None:
        log = self._folder / "openid.log"
        log.unlink(missing_ok=True)
        environment = {"OPENID": json.dumps(self._content), "OPENID_PORT": str(self._port)}
        self.child = Child([node(), str(SCRIPT)], log=log, settings=environment)
        found = eventually(lambda: re.search(r"^issuer \S+:(\d+)$", self.child.output(), re.MULTILINE), what="issuer")
        self._port = int(found[1])


class Browser:
    """Follows redirects and fills in forms, with a jar of cookies, as the person who signs in as `login`."""

    def __init__(self, login: str) -> None:
        self.login = login
        self.http = httpx.Client(trust_env=False, timeout=30, headers={"accept": "text/html,*/*;q=0.8"})

    def __enter__(self) -> Self:
        """Open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.http.close()

    def go(self, url: str, until: str) -> httpx.Response:
        """From `url` through whatever pages there are: the answer of the first address that begins with `until`."""
        answer = self.http.get(url)
        for _ in range(_MOST_STEPS):
            if str(answer.url).startswith(until):
                return answer
            answer = self._next(answer, until)
        message = f"no way from {url} to {until}; at {answer.url}: {answer.text[:2000]}"
        raise AssertionError(message)

    def sent_to(self, url: str, until: str) -> str:
        """The same, but the address itself, which is not asked."""
        answer = self.http.get(url)
        for _ in range(_MOST_STEPS):
            place = answer.headers.get("location", "")
            if place.startswith(until):
                return str(answer.url.join(place))
            answer = self._next(answer, until)
        message = f"never sent to {until}; at {answer.url}: {answer.text[:2000]}"
        raise AssertionError(message)

    def _next(self, answer: httpx.Response, until: str) -> httpx.Response:
        if answer.is_redirect:
            return self.http.get(answer.url.join(answer.headers["location"]))
        form = _Form()
        form.feed(answer.text)
        assert form.action, f"{answer.status_code} {answer.url} on the way to {until}: {answer.text[:2000]}"
        filled = {**form.fields, "login": self.login, "password": "of the directory"}
        return self.http.post(answer.url.join(form.action), data={name: filled[name] for name in form.fields})


class _Form(HTMLParser):
    """The first form of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Its action, and its inputs by their names."""
        found = dict(attrs)
        if tag == "form" and not self.action:
            self.action = found.get("action") or ""
        if tag == "input" and found.get("name"):
            self.fields[str(found["name"])] = found.get("value") or ""
