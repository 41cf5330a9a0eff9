from __future__ import annotations

import pytest

from headworks.usage.domain.remarks import delivered_tokens


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("", None),
        ("contradiction,counted:bytes", None),
        ("contradicts:400,counted:o200k", 400),
        ("repeated,contradicts:0,counted:bytes,tags", 0),
        ("contradicts:", None),
        ("contradicts:-4", None),
        ("contradicts:4x", None),
    ],
)
def test_what_was_delivered_is_told_where_it_is_contradicted(flags: str, expected: int | None) -> None:
    assert delivered_tokens(flags) == expected
