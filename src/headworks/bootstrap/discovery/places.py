"""Where discovery looks. Addresses are the providers' own; a setting can move each, for tests and for other ports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Hosted:
    """A provider that is there when its key is in the environment."""

    name: str
    title: str
    key_variable: str
    base_url: str
    models: tuple[str, ...]
    """Offered when the provider cannot be asked: well-known names of 2025, the first one good for a first try."""
    url_variable: str | None = None
    """The variable by which the provider's own SDK is sent elsewhere: the key is then for that place."""
    url_suffix: str = ""
    """What that SDK appends to the variable, up to the OpenAI-compatible base."""
    key_header: Literal["authorization", "x-api-key"] = "authorization"
    """How the list of models takes the key."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What the list of models needs besides."""
    query: str = ""
    """What follows `/models` in the address of the list."""
    prefix: str = ""
    """What stands before the names in the list, and is not part of them."""

    def list_request(self, base_url: str, key: str) -> tuple[str, dict[str, str]]:
        """Address and headers of the question which models there are, at the place that `base_url` says."""
        value = f"Bearer {key}" if self.key_header == "authorization" else key
        return f"{base_url}/models{self.query}", {**self.headers, self.key_header: value}


@dataclass(frozen=True, slots=True)
class Local:
    """A model server that is there when it listens."""

    name: str
    title: str
    base_url: str
    when_empty: str
    """How to give it a model."""


HOSTED = (
    Hosted(
        "openai",
        "OpenAI",
        "OPENAI_API_KEY",
        "https://api.openai.com/v1",
        ("gpt-4o-mini", "gpt-4o", "gpt-4.1", "gpt-4.1-mini", "o4-mini", "text-embedding-3-small"),
        url_variable="OPENAI_BASE_URL",
    ),
    # platform.claude.com/docs/en/api/openai-sdk for the base, …/api/models-list for the list, which is Anthropic's own:
    # it wants its own headers, and 1000 is the longest page it gives.
    Hosted(
        "anthropic",
        "Anthropic",
        "ANTHROPIC_API_KEY",
        "https://api.anthropic.com/v1",
        ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5"),
        url_variable="ANTHROPIC_BASE_URL",
        url_suffix="/v1",
        key_header="x-api-key",
        headers={"anthropic-version": "2023-06-01"},
        query="?limit=1000",
    ),
    # ai.google.dev/gemini-api/docs/openai: requests name the model plainly, the list names it `models/…`.
    Hosted(
        "gemini",
        "Gemini",
        "GEMINI_API_KEY",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        ("gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro", "gemini-embedding-001"),
        prefix="models/",
    ),
    Hosted(
        "mistral",
        "Mistral",
        "MISTRAL_API_KEY",
        "https://api.mistral.ai/v1",
        ("mistral-small-latest", "mistral-medium-latest", "mistral-large-latest", "codestral-latest", "mistral-embed"),
    ),
    Hosted(
        "groq",
        "Groq",
        "GROQ_API_KEY",
        "https://api.groq.com/openai/v1",
        ("llama-3.1-8b-instant", "llama-3.3-70b-versatile", "openai/gpt-oss-120b"),
        url_variable="GROQ_BASE_URL",
        url_suffix="/openai/v1",
    ),
    Hosted(
        "openrouter",
        "OpenRouter",
        "OPENROUTER_API_KEY",
        "https://openrouter.ai/api/v1",
        ("openai/gpt-4o-mini", "anthropic/claude-sonnet-4.5", "google/gemini-2.5-flash"),
    ),
)

LOCAL = (
    Local("ollama", "Ollama", "http://127.0.0.1:11434/v1", "run `ollama pull llama3.2`, then start Headworks again"),
    Local("vllm", "vLLM", "http://127.0.0.1:8000/v1", "start it with a model, then start Headworks again"),
    Local("lmstudio", "LM Studio", "http://127.0.0.1:1234/v1", "load a model in it, then start Headworks again"),
)

NAMES = frozenset(place.name for place in (*HOSTED, *LOCAL))
"""The names by which a setting can move a place."""


def list_request(base_url: str, key: str) -> tuple[str, dict[str, str]]:
    """Address and headers of the question which models a provider has; without a key where `key` is empty."""
    place = next((place for place in HOSTED if place.base_url == base_url), None)
    if place is not None and key:
        return place.list_request(base_url, key)
    return f"{base_url}/models", {"authorization": f"Bearer {key}"} if key else {}
