from __future__ import annotations

import pytest

from headworks.kernel.errors import Invalid
from headworks.kernel.text import checked_name, comparable, nearest


@pytest.mark.parametrize(
    ("given", "kept"), [("  My key ", "My key"), ("e\u0301", "é"), ("日本", "日本"), ("x" * 128, "x" * 128)]
)
def test_a_name_is_kept_in_one_form(given: str, kept: str) -> None:
    assert checked_name("name", given) == kept


@pytest.mark.parametrize("name", ["", "  ", "x" * 129, "a\0b", "a\nb", "a\u202eb", "a\u200bb", "\ud800", "a\ue000"])
def test_a_name_that_does_not_show_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as caught:
        checked_name("name", name)
    assert caught.value.details[0].field == "name"


def test_the_nearest_names_come_first() -> None:
    assert nearest("gpt-4o-mni", ["claude", "gpt-4o", "gpt-4o-mini"]) == ["gpt-4o-mini", "gpt-4o"]
    assert nearest("zzz", ["gpt-4o"]) == []


@pytest.mark.parametrize("other", ["WEB", "\uff57\uff45\uff42", "Web"])
def test_names_that_look_alike_are_comparable(other: str) -> None:
    assert comparable(other) == comparable("web")
    assert comparable("web2") != comparable("web")
