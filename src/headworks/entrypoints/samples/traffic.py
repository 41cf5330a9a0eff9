"""A few hundred requests, as the companies' programs would send them: short and long, streamed and not, some of them failing."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from headworks.entrypoints.samples.plan import FAST, FLAKY, LARGE, STEADY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import httpx

_AT_ONCE = 4
_SHARES = {FAST: 55, STEADY: 25, LARGE: 15, FLAKY: 5}
_QUESTIONS = (
    "Summarise the last order of this customer in one sentence.",
    "Which of these two texts is friendlier, and why?",
    "Translate the warranty terms into plain language. " * 12,
    "Write a release note for the change below. " * 30,
)


def send(http: httpx.Client, origin: str, keys: Sequence[str], count: int) -> Iterator[int]:
    """The status of each request, as the answers come."""
    chance = random.Random(count)  # noqa: S311 - the same samples each time, and nothing to guess
    asked = [
        (
            keys[chance.randrange(len(keys))],
            {
                "model": chance.choices(list(_SHARES), list(_SHARES.values()))[0],
                "messages": [{"role": "user", "content": chance.choice(_QUESTIONS)}],
                "stream": chance.random() < 0.4,  # noqa: PLR2004 - a share
            },
        )
        for _ in range(count)
    ]

    def ask(one: tuple[str, dict[str, object]]) -> int:
        key, body = one
        address = f"{origin}/v1/chat/completions"
        return http.post(address, headers={"authorization": f"Bearer {key}"}, json=body).status_code

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        yield from threads.map(ask, asked)
