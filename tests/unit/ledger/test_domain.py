from __future__ import annotations

from dataclasses import replace
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.kernel.errors import Invalid
from headworks.ledger.contracts import Account, Budget, Counters, Period, Place, Raise, Use
from headworks.ledger.domain import allowances, settlement
from headworks.ledger.domain.periods import Calendar
from headworks.ledger.domain.postings import Lines, Posting, Unbalanced
from headworks.ledger.domain.scopes import Whose, applying
from headworks.ledger.domain.slices import slice_of
from headworks.ledger.domain.thresholds import checked_thresholds, crossed
from headworks.ledger.errors import AmountTooLarge

BUDGET = Budget(
    id="bud_1",
    organization_id="org_1",
    name="b",
    scope="organization",
    scope_id="org_1",
    period="day",
    time_zone="UTC",
    anchor=1,
    amount=100,
    hard=True,
    thresholds=(),
    created_at_us=0,
)
YEAR_US = 365 * 86_400_000_000
AMOUNTS = st.integers(0, 2**63 - 1)
ACCOUNTS = [Account("charge", "org_1", key_id=str(number)) for number in range(5)]


@given(st.dictionaries(st.sampled_from(ACCOUNTS), st.integers(-(2**62), 2**62)))
def test_a_posting_adds_up_to_nothing_or_is_none(lines: dict[Account, int]) -> None:
    if sum(lines.values()):
        with pytest.raises(Unbalanced):
            Posting(lines)
    else:
        assert sum(amount for _, amount in Posting(lines)) == 0


def test_postings_that_cannot_be_made() -> None:
    one, other = ACCOUNTS[:2]
    with pytest.raises(Unbalanced, match="integer"):
        Posting({one: 1.0, other: -1.0})  # type: ignore[dict-item]
    with pytest.raises(Unbalanced, match="integer"):
        Posting({one: True, other: -True})
    with pytest.raises(Unbalanced, match="two organisations"):
        Posting({one: 1, other._replace(organization_id="org_2"): -1})
    with pytest.raises(AmountTooLarge):
        Posting({one: 2**63, other: -(2**63)})
    assert list(Posting({one: 0, other: 0})) == []


@given(st.lists(st.tuples(st.sampled_from(["authorize", "hold", "spend"]), st.integers(-(2**40), 2**40))))
def test_whatever_happens_to_a_budget_its_lines_add_up(steps: list[tuple[str, int]]) -> None:
    lines, place = Lines("org_1"), Place("bud_1", 0)
    for step, amount in steps:
        arguments = (place, "a", amount) if step == "hold" else (place, amount)
        getattr(lines, step)(*arguments)
    assert sum(amount for _, amount in lines.posting()) == 0


@given(AMOUNTS, AMOUNTS, AMOUNTS, st.integers(1, 50))
def test_a_slice_is_never_more_than_there_is_nor_less_than_needed(
    available: int, need: int, want: int, gateways: int
) -> None:
    found = slice_of(available, need, want, gateways)
    assert 0 <= found <= available
    if need <= available and need:
        assert found >= need
    if found > need:
        assert found <= min(want, available // (2 * gateways))
    if need > available:
        assert found == 0
    assert slice_of(-available, need, want, gateways) == 0


def raised(amount: int, begin: int, until: int, ended: int | None = None) -> Raise:
    return Raise(f"rse_{amount}", "bud_1", amount, begin, until, ended)


def test_raises_count_while_they_last() -> None:
    raises = [raised(1, 10, 20), raised(2, 15, 30, ended=25), replace(raised(4, 0, 99), budget_id="other")]
    day = Period(0, 1000)
    found = [allowances.authorized(BUDGET, raises, day, at) for at in (9, 10, 15, 20, 25)]
    assert found == [100, 101, 103, 102, 100]
    assert [allowances.next_end(BUDGET, raises, at) for at in (9, 10, 15, 20, 25)] == [None, 20, 20, 25, None]


def test_a_period_that_is_over_keeps_the_raises_of_its_end() -> None:
    raises = [raised(1, 10, 50)]
    assert allowances.authorized(BUDGET, raises, Period(0, 40), 10_000) == 101
    assert allowances.authorized(BUDGET, raises, Period(0, 60), 10_000) == 100


@pytest.mark.parametrize("amount", [0, -1, 10**18 + 1, 2**70])
def test_amounts_that_make_no_sense(amount: int) -> None:
    with pytest.raises(Invalid, match="amount"):
        allowances.checked_amount("amount_nanodollars", amount)


def test_thresholds() -> None:
    assert checked_thresholds([100, 50, 50]) == (50, 100)
    for wrong in ([0], [-5], [1001], list(range(1, 12))):
        with pytest.raises(Invalid, match="thresholds"):
            checked_thresholds(wrong)
    counters = Counters(Place("bud_1", 0), None, authorized=3, held=0, spent=2)
    assert crossed((50, 66, 67, 100), counters) == (50, 66)
    assert crossed((50,), replace(counters, spent=0, authorized=0)) == ()


def test_a_request_counts_for_the_budgets_of_all_that_it_is_of() -> None:
    budgets = [
        BUDGET,
        replace(BUDGET, id="b", scope="key", scope_id="key_1"),
        replace(BUDGET, id="c", scope="user", scope_id="usr_1"),
        replace(BUDGET, id="d", scope="model", scope_id="fast"),
        replace(BUDGET, id="e", scope="project", scope_id="prj_2"),
        replace(BUDGET, id="f", scope="user", scope_id=""),
    ]
    found = applying(budgets, Whose("org_1", "prj_1", "key_1", "", "fast"))
    assert [one.id for one in found] == ["b", "d", "bud_1"]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", []),
        ("bud_a@5", [Place("bud_a", 5)]),
        ("bud_a@-5,bud_b@0,bud_a@-5", [Place("bud_a", -5), Place("bud_b", 0)]),
        ("bud_a,@5,bud_a@,bud_a@x,bud_a@5@6,,bud_a@\u0665,bud_a@" + "9" * 30, []),
    ],
)
def test_what_a_gateway_says_it_drew_from(text: str, places: list[Place]) -> None:
    assert settlement.places_of(text) == places


def test_what_was_drawn_adds_up_by_hold() -> None:
    use = Use("org_1", "p", "k", "", "m", "v", "a", "bud_a@0,bud_b@0", 5, 0, 1, 1)
    uses = [
        use,
        use._replace(drawn=2),
        use._replace(source="b", budgets="bud_a@0"),
        use._replace(drawn=0),
        use._replace(drawn=3, budgets="bud_a@0,bud_b@0#first"),
        use._replace(drawn=4, budgets="bud_b@0#second"),
        use._replace(budgets="#first"),
    ]
    assert settlement.draws(uses) == {
        (Place("bud_a", 0), "a"): 7,
        (Place("bud_b", 0), "a"): 7,
        (Place("bud_a", 0), "b"): 5,
        (Place("bud_a", 0), "a-first"): 3,
        (Place("bud_b", 0), "a-first"): 3,
        (Place("bud_b", 0), "a-second"): 4,
    }


@given(st.sampled_from(sorted(available_timezones())), st.integers(3 * YEAR_US, 400 * YEAR_US))
def test_periods_begin_with_a_minute_everywhere(zone: str, at_us: int) -> None:
    """So what is settled can be added up by the minute. Liberia's clocks were the last that could not, until 1972."""
    assert Calendar("day", zone, 1).around(at_us).start_us % 60_000_000 == 0


def test_no_budget_counts_before_it_was_made() -> None:
    day = 86_400_000_000
    budget = replace(BUDGET, created_at_us=2 * day + 5)
    use = Use("org_1", "p", "k", "", "m", "v", "a", "", 0, 0, 1, 1)
    uses = [use._replace(occurred_at_us=at) for at in (day, 2 * day, 2 * day + 1, 3 * day)]
    found = {place.start_us: one.charge for place, one in settlement.spendings(uses, [budget]).items()}
    assert found == {2 * day: 2, 3 * day: 1}
