from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.kernel.errors import Invalid
from headworks.kernel.scopes import Scope
from headworks.limits.contracts import Limit, Subject, Unit, Window
from headworks.limits.domain import LARGEST, Rules, audited, check_amount, check_window

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
LIMIT = Limit("lim_1", "org_1", "key", "key_1", "requests", "minute", 60, NOON, NOON)
SUBJECT = Subject("org_1", "prj_1", "key_1", "usr_1", "fast")
SCOPES: list[tuple[Scope, str]] = [
    ("key", "key_1"),
    ("user", "usr_1"),
    ("project", "prj_1"),
    ("model", "fast"),
    ("organization", "org_1"),
]


@pytest.mark.parametrize("unit", LARGEST)
def test_the_bounds_of_an_amount(unit: Unit) -> None:
    assert check_amount(unit, 1) == 1
    assert check_amount(unit, LARGEST[unit]) == LARGEST[unit]
    for amount in (0, -1, -(2**70), LARGEST[unit] + 1, 2**70):
        with pytest.raises(Invalid) as refused:
            check_amount(unit, amount)
        assert refused.value.details[0].field == "amount"


@pytest.mark.parametrize(("unit", "window"), [("concurrent", "minute"), ("requests", None), ("spend", None)])
def test_what_is_counted_over_time_has_a_window(unit: Unit, window: Window | None) -> None:
    with pytest.raises(Invalid) as refused:
        check_window(unit, window)
    assert refused.value.details[0].field == "window"


def test_a_request_is_held_to_all_that_concern_it() -> None:
    limits = [replace(LIMIT, id=f"lim_{scope}", scope=scope, scope_id=scope_id) for scope, scope_id in SCOPES]
    others = [replace(limit, id=f"{limit.id}_other", scope_id="other") for limit in limits]
    crossed = replace(LIMIT, id="lim_crossed", scope="project", scope_id="key_1")
    assert Rules([*others, *reversed(limits), crossed]).of(SUBJECT) == tuple(limits)


def test_a_request_without_user_or_model_meets_no_limit_on_them() -> None:
    limits = [replace(LIMIT, id=f"lim_{scope}", scope=scope, scope_id="") for scope in ("user", "model")]
    assert Rules(limits).of(replace(SUBJECT, user_id=None, model="")) == ()


@given(st.lists(st.tuples(st.sampled_from(SCOPES), st.booleans()), max_size=12))
def test_none_is_missed_and_none_is_another_s(wanted: list[tuple[tuple[Scope, str], bool]]) -> None:
    limits = [
        replace(LIMIT, id=str(at), scope=scope, scope_id=scope_id if mine else f"{scope_id}_other")
        for at, ((scope, scope_id), mine) in enumerate(wanted)
    ]
    found = Rules(limits).of(SUBJECT)
    assert {limit.id for limit in found} == {str(at) for at, (_, mine) in enumerate(wanted) if mine}


def test_the_trail_keeps_what_it_was_and_is() -> None:
    change = audited("changed", LIMIT, replace(LIMIT, amount=5, version=2))
    assert (change.action, change.resource_type, change.resource_id) == ("limit.changed", "limit", "lim_1")
    assert change.before is not None
    assert change.after == {**change.before, "amount": 5}
    with pytest.raises(TypeError):
        audited("changed", None, None)
