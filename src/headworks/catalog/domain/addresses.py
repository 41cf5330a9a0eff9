"""Base URLs of providers: their one spelling, and whose list prices hold behind them."""

from __future__ import annotations

from urllib.parse import urlsplit

from headworks.kernel.outbound import checked_url

_FIELD = "base_url"
_EXAMPLE = "https://api.openai.com/v1"

DEMO_HOST = "echo.invalid"
"""Of the built-in demo, which is never called: RFC 2606 keeps `.invalid` from ever resolving."""

_KINDS = {
    DEMO_HOST: "headworks",
    "api.anthropic.com": "anthropic",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral",
    "api.openai.com": "openai",
    "generativelanguage.googleapis.com": "gemini",
    "openrouter.ai": "openrouter",
}


def base_url(text: str, *, private_networks: bool) -> str:
    """The address in its one spelling, up to and including the version. Raises Invalid.

    `private_networks`: whether an address of a loopback or private network may be named. A name that resolves to one is
    the engine's to refuse, at each connection.
    """
    return checked_url(text, _FIELD, _EXAMPLE, private_networks=private_networks)


def kind_of(url: str) -> str | None:
    """The provider whose list prices hold at this address, such as `openai`; None where nobody knows."""
    return _KINDS.get(urlsplit(url).hostname or "")


def same_origin(one: str, other: str) -> bool:
    """Whether two accepted base URLs are of one server, so that a secret for one may go to the other."""
    return urlsplit(one)[:2] == urlsplit(other)[:2]
