from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.catalog.domain import names
from headworks.kernel.errors import Invalid


@pytest.mark.parametrize("name", ["openai", "gpu-rack-2", "a", "0", "my.provider_1", "x" * 63])
def test_names_of_providers(name: str) -> None:
    assert names.provider_name(name) == name


@pytest.mark.parametrize("name", ["", "OpenAI", "-a", ".a", "a/b", "a b", "ü", "a\n", "x" * 64, "a\u200b", "\ud800"])
def test_names_that_no_provider_has(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        names.provider_name(name)
    assert refused.value.details[0].field == "name"


@pytest.mark.parametrize("alias", ["fast", "team/summaries", "gpt-4o@prod", "a:b", "A+b", "headworks/echo", "x" * 256])
def test_aliases(alias: str) -> None:
    assert names.alias(alias) == alias


@pytest.mark.parametrize("alias", ["", "/a", "a b", "\uff46ast", "fa\u200bst", "\u202efast", "a\0", "a\n", "x" * 257])
def test_aliases_that_could_pose_as_others_or_break_a_header(alias: str) -> None:
    with pytest.raises(Invalid):
        names.alias(alias)


@pytest.mark.parametrize(
    "model", ["gpt-4o", "hf.co/x/Llama-3.2:Q4_K_M", "Qwen 2.5 (MLX)", "mock:status=500", "模型", "x" * 192]
)
def test_upstream_models_are_what_providers_call_them(model: str) -> None:
    assert names.upstream_model(model) == model


@pytest.mark.parametrize("model", ["", " a", "a ", "a\u200bb", "a\0b", "a\nb", "\ud800", "x" * 193, "模" * 65])
def test_upstream_models_that_no_request_could_carry(model: str) -> None:
    with pytest.raises(Invalid) as refused:
        names.upstream_model(model, "targets.0.upstream_model")
    assert refused.value.details[0].field == "targets.0.upstream_model"


@given(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,62}", fullmatch=True), st.text(max_size=192))
def test_a_qualified_name_always_fits_into_a_request(provider: str, model: str) -> None:
    try:
        whole = names.qualified(names.provider_name(provider), names.upstream_model(model))
    except Invalid:
        return
    assert len(whole.encode()) <= names.MODEL_NAME_BYTES
