"""What `up` finds by itself: a provider whose key is in the environment, and a model server that listens where they usually do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.child import eventually
from tests.support.headworks import Headworks
from tests.support.mock import MockProvider

if TYPE_CHECKING:
    from pathlib import Path

NOWHERE = {f"HEADWORKS_DISCOVERY_URL_{place}": "" for place in ("OLLAMA", "VLLM", "LMSTUDIO")}
KEY = "sk-found-in-the-environment"


def names(headworks: Headworks) -> set[str]:
    """The models that the first key may use."""
    with headworks.openai() as client:
        return {model.id for model in client.models.list()}


def answer(headworks: Headworks, model: str) -> str:
    """The text of an answer."""
    with headworks.openai() as client:
        answered = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}])
        return answered.choices[0].message.content or ""


def test_a_key_in_the_environment_offers_its_providers_models(tmp_path: Path) -> None:
    """The key goes to its provider, under a reference only, and its models go when it does."""
    with MockProvider(tmp_path, "--api-key", KEY, "--model", "gpt-test") as provider:
        found = NOWHERE | {"OPENAI_API_KEY": KEY, "HEADWORKS_DISCOVERY_URL_OPENAI": provider.base_url}
        headworks = Headworks(tmp_path / "home")
        with headworks.start(found=found).child:
            eventually(lambda: "gpt-test" in names(headworks), what="the provider's models")
            assert answer(headworks, "openai/gpt-test")
            assert answer(headworks, "gpt-test")
            assert KEY not in headworks.management.send("GET", "/providers").text
            headworks.stop()
        for file in headworks.home.rglob("*"):
            assert not file.is_file() or KEY.encode() not in file.read_bytes(), file
        assert KEY not in headworks.child.output()

        with headworks.start(found=NOWHERE).child:
            eventually(lambda: names(headworks) == {"headworks/echo"}, what="the models to be withdrawn")
            headworks.management.close()


def test_a_local_model_server_is_offered(tmp_path: Path) -> None:
    with MockProvider(tmp_path, "--model", "llama-test") as server:
        found = NOWHERE | {"HEADWORKS_DISCOVERY_URL_OLLAMA": server.base_url}
        headworks = Headworks(tmp_path / "home")
        with headworks.start(found=found).child:
            eventually(lambda: "llama-test" in names(headworks), what="the model server's models")
            assert answer(headworks, "llama-test")
