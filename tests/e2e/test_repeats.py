"""A request that was sent again after a crash was done once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import httpx

from tests.support.headworks import Headworks

if TYPE_CHECKING:
    from pathlib import Path

_REQUESTS = 24
_KILLS = 3


def test_no_kill_makes_two_keys_of_one_request(tmp_path: Path) -> None:
    with Headworks(tmp_path / "home") as headworks:
        answered: dict[str, str] = {}
        for number in range(_KILLS):
            answered |= _kill_in_the_midst(headworks, f"round {number}")
            headworks.start()
        assert answered
        for name in _names():
            again = _make(headworks, name)
            assert again.status_code == 201, again.text
            # Whoever had an answer gets that one; who had none learns now what became of it.
            assert again.text == answered.get(name, again.text)
        keys = _every_key(headworks)
        assert {keys[name] for name in _names()} == {1}


def _names() -> list[str]:
    return [f"round {number} key {one}" for number in range(_KILLS) for one in range(_REQUESTS)]


def _kill_in_the_midst(headworks: Headworks, name: str) -> dict[str, str]:
    """Ask for many keys at once, kill as soon as one is there, and return the answers that came all the same."""
    with ThreadPoolExecutor(_REQUESTS) as pool:
        asked: dict[Future[httpx.Response], str] = {
            pool.submit(_make, headworks, f"{name} key {one}"): f"{name} key {one}" for one in range(_REQUESTS)
        }
        wait(asked, return_when=FIRST_COMPLETED)
        headworks.kill()
        wait(asked)
    whole = {place: future for future, place in asked.items() if future.exception() is None}
    return {place: future.result().text for place, future in whole.items() if future.result().status_code == 201}


def _make(headworks: Headworks, name: str) -> httpx.Response:
    return httpx.post(
        f"{headworks.url}/api/v1/keys",
        json={"name": name},
        headers={"authorization": f"Bearer {headworks.credentials.management_key}", "idempotency-key": f'"{name}"'},
        trust_env=False,
        timeout=60,
    )


def _every_key(headworks: Headworks) -> Counter[str]:
    names: Counter[str] = Counter()
    address = f"{headworks.url}/api/v1/keys?per_page=200"
    bearer = {"authorization": f"Bearer {headworks.credentials.management_key}"}
    while True:
        page = httpx.get(address, headers=bearer, trust_env=False, timeout=60).raise_for_status().json()
        names.update(key["name"] for key in page["data"])
        if page["links"]["next"] is None:
            return names
        address = f"{headworks.url}{page['links']['next']}"
