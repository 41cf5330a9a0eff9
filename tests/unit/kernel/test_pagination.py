from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.kernel.errors import Invalid
from headworks.kernel.pagination import CursorPage, Page, PageRequest, decode_cursor, encode_cursor


@pytest.mark.parametrize(("total", "pages"), [(0, 0), (1, 1), (10, 1), (11, 2)])
def test_pages_are_counted(total: int, pages: int) -> None:
    assert Page([], total, PageRequest(1, 10)).total_pages == pages


def test_the_second_page_begins_after_the_first() -> None:
    assert PageRequest(2, 10).offset == 10


def test_a_page_of_one_thing_becomes_one_of_another() -> None:
    assert Page([1, 2], 9, PageRequest()).map(str) == Page(["1", "2"], 9, PageRequest())
    assert CursorPage([1], "c").map(str) == CursorPage(["1"], "c")


@given(st.integers(), st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_cursor_comes_back(number: int, text: str) -> None:
    assert decode_cursor(encode_cursor(number, text), int, str) == (number, text)


@given(st.text(max_size=50))
def test_no_text_breaks_a_cursor(text: str) -> None:
    with suppress(Invalid):
        decode_cursor(text, int, str)


@pytest.mark.parametrize("cursor", ["", "é", encode_cursor("a", 1), encode_cursor(1), encode_cursor("a", "b"), "W10"])
def test_a_cursor_of_another_list_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        decode_cursor(cursor, int, str)
