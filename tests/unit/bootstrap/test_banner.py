"""The banner: what a person needs at the first start, and nothing that works only elsewhere."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headworks.bootstrap.banner import Place, command_of, curl, render
from headworks.bootstrap.credentials import FirstOperator
from headworks.bootstrap.discovery import Discovery, Finding
from headworks.bootstrap.summary import DEMO_MODEL, Summary, summarize
from headworks.catalog.contracts import VisibleModel
from headworks.kernel.secrets import Secret

if TYPE_CHECKING:
    from headworks.bootstrap.discovery import State

ENDPOINT = "http://127.0.0.1:8080/v1"
HOME = Path("/data")
DEMO = VisibleModel("mdl_0", DEMO_MODEL, "builtin")
FIRST = Place(HOME, "headworks", first_api_key=Secret("hw_sk_first"))
LATER = Place(HOME, "headworks")


def summary(*visible: VisibleModel, found: Discovery | None = None) -> Summary:
    """The state of things with these models besides the demo."""
    return summarize("0.1.0", ENDPOINT, (*visible, DEMO), found)


def test_the_first_start_shows_the_key_and_a_line_that_works() -> None:
    text = render(summary(), FIRST, colour=False)
    assert ENDPOINT in text
    assert "hw_sk_first" in text
    assert "/data/credentials.json" in text
    assert "built-in demo" in text
    assert "\033" not in text


def test_the_line_to_try_is_one_a_shell_reads_as_meant() -> None:
    words = shlex.split(curl(summary(), FIRST))
    assert words[:3] == ["curl", "-N", f"{ENDPOINT}/chat/completions"]
    assert "Authorization: Bearer hw_sk_first" in words
    assert json.loads(words[-1])["model"] == DEMO_MODEL


def test_later_starts_do_not_show_the_key() -> None:
    text = render(summary(), LATER, colour=False)
    assert "$(headworks env OPENAI_API_KEY)" in text
    assert "Bearer hw_" not in text


def test_another_data_folder_is_part_of_every_command() -> None:
    place = Place(Path("/my data"), ".venv/bin/headworks", is_default_home=False)
    text = render(summary(), place, colour=False)
    assert "$(.venv/bin/headworks --home '/my data' env OPENAI_API_KEY)" in text
    assert ".venv/bin/headworks --home '/my data' keys create NAME" in text


def test_our_own_certificate_is_trusted() -> None:
    place = Place(HOME, "headworks", certificate_file=Path("/tls/cert.pem"))
    assert "--cacert /tls/cert.pem" in curl(summary(), place)


def test_what_was_found_and_what_is_wrong_with_it() -> None:
    found = Discovery(
        (
            Finding("openai", "OpenAI", "OPENAI_API_KEY", "listed", ("gpt-4o-mini", "gpt-4o")),
            Finding("groq", "Groq", "GROQ_API_KEY", "refused", (), "it does not take the key"),
            Finding("ollama", "Ollama", "http://127.0.0.1:11434/v1", "listed", ("llama3.2",)),
        )
    )
    models = [VisibleModel(f"dep_{n}", name, "discovered") for n, name in enumerate("abcdef")]
    text = render(summary(*models, found=found), LATER, colour=False)
    assert "a, b, c, d and 3 more" in text
    assert "OpenAI (OPENAI_API_KEY): 2 models" in text
    assert "! Groq: it does not take the key" in text
    assert "Ollama (http://127.0.0.1:11434/v1): 1 model\n" in text
    assert '"model": "ollama/llama3.2"' in text


def test_colour_is_for_terminals() -> None:
    assert "\033[" in render(summary(), FIRST, colour=True)


@pytest.mark.parametrize(
    ("visible", "found", "best"),
    [
        ((), (), DEMO_MODEL),
        (("manual", "fast"), (("openai", "gpt-4o"),), "fast"),
        ((), (("openai", "gpt-4o"), ("ollama", "llama3.2")), "ollama/llama3.2"),
        ((), (("openai", "gpt-4o"), ("ollama", "nomic-embed-text")), "openai/gpt-4o"),
        (("manual", "my-embeddings"), (("openai", "text-embedding-3-small"),), DEMO_MODEL),
    ],
)
def test_the_best_model_answers_chats(visible: tuple[str, ...], found: tuple[tuple[str, str], ...], best: str) -> None:
    models = [VisibleModel("mdl_1", visible[1], "manual")] if visible else []
    findings = tuple(Finding(name, name, "there", "listed", (model,)) for name, model in found)
    assert summary(*models, found=Discovery(findings)).best_model == best


@pytest.mark.parametrize("state", ["assumed", "unchanged", "yours", "refused"])
def test_models_of_providers_that_did_not_answer_are_not_suggested(state: State) -> None:
    found = Discovery((Finding("openai", "OpenAI", "OPENAI_API_KEY", state, ("gpt-4o",)),))
    assert summary(found=found).best_model == DEMO_MODEL


class TestCommand:
    def test_on_the_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        script = _script(tmp_path / "bin")
        monkeypatch.setenv("PATH", str(script.parent))
        assert command_of(str(script), tmp_path) == "headworks"

    def test_below_the_folder_where_we_are(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        script = _script(tmp_path / ".venv" / "bin")
        monkeypatch.setenv("PATH", "/nowhere")
        assert command_of(str(script), tmp_path) == ".venv/bin/headworks"

    def test_elsewhere_and_shadowed_by_another(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(_script(tmp_path / "other").parent))
        script = _script(tmp_path / "my tools")
        assert command_of(str(script), tmp_path / "work") == f"'{script}'"

    def test_as_a_module(self) -> None:
        assert command_of("/x/headworks/entrypoints/cli/__main__.py", Path("/")) == (
            f"{shlex.quote(sys.executable)} -m headworks.entrypoints.cli"
        )


def _script(folder: Path) -> Path:
    folder.mkdir(parents=True)
    script = folder / "headworks"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    return script


def test_the_first_operators_password_is_shown_once() -> None:
    operator = FirstOperator("usr_1", "operator@localhost", Secret("one-time"), is_new=True)
    place = Place(home=Path("/data"), command="headworks", operator=operator)
    summary = Summary("1", "http://127.0.0.1:8080/v1", (), "headworks/echo")
    first = render(summary, place, colour=False)
    assert "Operator   operator@localhost  password one-time, to be changed at the first sign-in" in first
    later = render(summary, replace(place, operator=replace(operator, is_new=False)), colour=False)
    assert "one-time" not in later
    assert "password in /data/credentials.json" in later
    assert "Operator" not in render(summary, replace(place, operator=None), colour=False)
