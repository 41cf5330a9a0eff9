"""The contract of `usage.ports.UsageStore`, held by every adapter."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from headworks.kernel.moments import micros
from headworks.kernel.pagination import Page, PageRequest
from headworks.kernel.sorting import Order
from headworks.usage.contracts import Figures, ReportRow
from headworks.usage.domain.dimensions import TEXTS
from headworks.usage.domain.rollups import add_up, changed, parts_of
from headworks.usage.domain.rows import OWN, Row, Shared, Subject, event_of, identity_of
from headworks.usage.ports import AlreadyThere, RecordFilter, Rejection, ReportFilter, RowsRefused, UsageStore

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
NOON_US = int(NOON.timestamp()) * 1_000_000
DAY_US = 86_400_000_000
NOON_S = NOON_US // 10**6
MIDNIGHT_S = NOON_S - 43_200
HOUR_S, DAY_S = 3_600, 86_400
EVER = (0, 2**32)
SHARED = Shared(
    source="spool",
    organization_id="org_1",
    project_id="prj_1",
    key_id="key_1",
    model="fast",
    endpoint="chat/completions",
    provider_id="prv_1",
    deployment_id="dep_1",
    upstream_model="gpt",
    outcome="success",
    usage_source="provider",
    user_id="usr_1",
    budgets="bud_a@1767312000000000,bud_b@0",
)


def row(
    number: int,
    *,
    tokens: int = 1,
    at_us: int = NOON_US,
    cost: int | None = 5,
    status: int = 200,
    tags: str = '{"team":"\u00e9t\u00e9"}',
    usage_flags: str = "",
    **shared: str,
) -> Row:
    own = {
        "event_id": f"req_{number}",
        "upstream_request_id": "up",
        "error_code": "",
        "usage_flags": usage_flags,
        "streamed": True,
        "tags": tags,
        "first_byte_us": None,
        "drawn_nanodollars": 2**63 - 1,
        "occurred_at_us": at_us,
        "duration_us": 2,
        "status": status,
        "attempts": 1,
    }
    counts = tuple(tokens if name == "input_tokens" else 0 for name in OWN[len(own) :])
    return Subject(SHARED._replace(**shared), "prc_1" if cost else None), (
        *own.values(),
        *counts,
        cost,
        None if cost is None else cost + 1,
        NOON_US,
    )


async def add(usage: UsageStore, rows: Iterable[Row]) -> None:
    rows = list(rows)
    owners = {subject.shared.organization_id for subject, _ in rows}
    async with usage.transaction() as unit:
        numbers = await unit.books.begin(owners, NOON_US)
        await unit.add_rows(rows, numbers)
        await unit.add_sums(add_up(parts_of(rows)))


async def report(
    usage: UsageStore,
    *group_by: str,
    page: PageRequest | None = None,
    **wanted: Any,  # noqa: ANN401 - fields of a filter
) -> tuple[Page[ReportRow], ReportRow]:
    whole: dict[str, Any] = {
        "organization_id": "org_1",
        "grain": "day",
        "from_s": EVER[0],
        "until_s": EVER[1],
        **wanted,
    }
    async with usage.read(None) as reading:
        return await reading.report(ReportFilter(**whole), group_by, page or PageRequest(1, 1_000))


async def reported(usage: UsageStore, *group_by: str, **wanted: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - as above
    page, _ = await report(usage, *group_by, **wanted)
    return [(*one.values, one.figures.requests, one.figures.input_tokens) for one in page.items]


def day(which: date) -> int:
    return (which - date(1970, 1, 1)) // timedelta(days=1) * DAY_S


async def listed(usage: UsageStore, wanted: RecordFilter) -> list[str]:
    async with usage.read(None) as reading:
        return [record.event.event_id for record in await reading.records(wanted, None, 100)]


async def test_a_record_comes_back_as_it_was(usage: UsageStore) -> None:
    kept = row(1)
    await add(usage, [kept])
    async with usage.read(None) as reading:
        (record,) = await reading.records(RecordFilter("org_1"), None, 10)
        assert await reading.newest_received_us() == NOON_US
    assert record.event == event_of(kept[0].shared, kept[1])
    assert (record.cost_nanodollars, record.charge_nanodollars, record.price_id) == (5, 6, "prc_1")
    assert record.received_at_us == NOON_US
    assert record.transaction is not None


async def test_what_is_there_already_is_refused_whole(usage: UsageStore) -> None:
    await add(usage, [row(1)])
    with pytest.raises(AlreadyThere):
        await add(usage, [row(2), row(1)])
    with pytest.raises(AlreadyThere):
        await add(usage, [row(3), row(3)])
    assert await listed(usage, RecordFilter("org_1")) == ["req_1"]
    assert await reported(usage) == [(1, 1)]


async def test_the_same_event_id_of_another_spool_is_another_record(usage: UsageStore) -> None:
    await add(usage, [row(1), row(1, source="other")])
    assert await listed(usage, RecordFilter("org_1")) == ["req_1", "req_1"]


async def test_present_tells_which_are_there(usage: UsageStore) -> None:
    await add(usage, [row(number) for number in range(3)])
    async with usage.transaction() as unit:
        asked = [row(number) for number in range(2, 1200)] + [row(0, source="other")]
        assert set(await unit.present(asked)) == {identity_of(row(2))}


async def test_it_is_told_how_many_of_them_are_stored(usage: UsageStore) -> None:
    await add(usage, [row(number) for number in range(3)])
    ids = [f"req_{number}" for number in range(1_000)]
    async with usage.read(None) as reading:
        assert await reading.stored(SHARED.source, ids) == 3
        assert await reading.stored(SHARED.source, ids[:2]) == 2
        assert await reading.stored("other", ids) == 0
        assert await reading.stored(SHARED.source, []) == 0


async def test_totals_add_to_what_is_there(usage: UsageStore) -> None:
    await add(usage, [row(1, tokens=3), row(2, tokens=4)])
    await add(usage, [row(3, tokens=5), row(4, key_id="key_2"), row(5, model="slow"), row(6, at_us=NOON_US + DAY_US)])
    second, third = day(date(2026, 1, 2)), day(date(2026, 1, 3))
    assert await reported(usage, "key", "model", "day") == [
        ("key_1", "fast", third, 1, 1),
        ("key_1", "fast", second, 3, 12),
        ("key_1", "slow", second, 1, 1),
        ("key_2", "fast", second, 1, 1),
    ]
    assert await reported(usage, "model") == [("fast", 5, 14), ("slow", 1, 1)]
    assert await reported(usage, "day") == [(third, 1, 1), (second, 5, 14)]
    assert await reported(usage) == [(6, 15)]


async def test_a_report_is_held_to_its_filter(usage: UsageStore) -> None:
    await add(
        usage,
        [
            row(1),
            row(2, key_id="key_2", status=429, tags=""),
            row(3, organization_id="org_2"),
            row(4, at_us=NOON_US - DAY_US, tags='{"team":"b","run":"7"}'),
        ],
    )
    for wanted, requests in (
        ({}, 3),
        ({"organization_id": "org_2"}, 1),
        ({"organization_id": None}, 4),
        ({"from_s": MIDNIGHT_S, "until_s": MIDNIGHT_S + DAY_S}, 2),
        ({"equal": (("key", "key_2"),)}, 1),
        ({"equal": (("key", "key_2"), ("status", 429))}, 1),
        ({"equal": (("key", "key_1"), ("status", 429))}, 0),
        ({"equal": (("model", "none"),)}, 0),
        ({"tags": (("team", "b"),)}, 1),
        ({"tags": (("team", "b"), ("run", "8"))}, 0),
        ({"tags": (("team", "\u00e9t\u00e9"),)}, 1),
    ):
        _, whole = await report(usage, "key", **wanted)
        assert whole.figures.requests == requests, wanted


async def test_a_report_can_be_split_by_everything(usage: UsageStore) -> None:
    kept = row(1)
    await add(usage, [kept])
    names = [name for name in TEXTS if name != "status"]
    page, _ = await report(usage, *TEXTS, "tag:team", "tag:none", "day")
    shared = kept[0].shared
    assert page.items[0].values == (
        *(getattr(shared, TEXTS[name]) for name in names),
        200,
        "\u00e9t\u00e9",
        None,
        MIDNIGHT_S,
    )


async def test_what_has_no_tag_comes_last(usage: UsageStore) -> None:
    teams = ('{"team":"b"}', "", '{"other":"x"}', '{"team":"a"}', '{"team":"b","run":"1"}')
    await add(usage, [row(number, tags=tags) for number, tags in enumerate(teams)])
    assert await reported(usage, "tag:team") == [("a", 1, 1), ("b", 2, 2), (None, 2, 2)]


async def test_odd_tags_are_stored_without_what_no_database_takes(usage: UsageStore) -> None:
    await add(usage, [row(1, tags='{"team":"a\\u0000b\\ud800","' + 65 * "x" + '":"v"}')])
    assert await reported(usage, "tag:team") == [("a\ufffdb\ufffd", 1, 1)]
    assert await reported(usage, "tag:" + 65 * "x") == [(None, 1, 1)]


async def test_sums_are_kept_by_minute_hour_and_day(usage: UsageStore) -> None:
    times = (0, 59_999_999, 60_000_000, 3_599_999_999, 3_600_000_000, 43_199_999_999, 43_200_000_000)
    await add(usage, [row(number, at_us=NOON_US + at_us) for number, at_us in enumerate(times)])
    starts = [(one[0], one[1]) for one in await reported(usage, "minute", grain="minute")]
    assert [(start - NOON_S, count) for start, count in starts] == [
        (43_200, 1),
        (43_140, 1),
        (3_600, 1),
        (3_540, 1),
        (60, 1),
        (0, 2),
    ]
    by_hour = [(43_200, 1), (39_600, 1), (3_600, 1), (0, 4)]
    for grain in ("minute", "hour"):
        found = [(one[0] - NOON_S, one[1]) for one in await reported(usage, "hour", grain=grain)]
        assert found == by_hour
    for grain in ("minute", "hour", "day"):
        days = [one[:2] for one in await reported(usage, "day", grain=grain)]
        assert days == [(MIDNIGHT_S + DAY_S, 1), (MIDNIGHT_S, 6)]


async def test_days_can_be_those_of_other_clocks(usage: UsageStore) -> None:
    # Clocks go from one hour ahead to two at one o'clock: what was the evening before is still the day before.
    times = (-3 * HOUR_S, -HOUR_S, 0, 20 * HOUR_S, 22 * HOUR_S)
    await add(usage, [row(number, at_us=(MIDNIGHT_S + at) * 10**6) for number, at in enumerate(times)])
    offsets = ((EVER[0], HOUR_S), (MIDNIGHT_S + HOUR_S, 2 * HOUR_S))
    found = await reported(usage, "day", grain="hour", offsets=offsets)
    assert [one[:2] for one in found] == [(MIDNIGHT_S + DAY_S, 1), (MIDNIGHT_S, 3), (MIDNIGHT_S - DAY_S, 1)]


async def test_a_report_can_be_sorted_by_figures(usage: UsageStore) -> None:
    await add(
        usage,
        [
            row(1, key_id="key_1", cost=2**52, tokens=3),
            row(2, key_id="key_2", cost=2**52 + 1, tokens=2),
            row(3, key_id="key_3", cost=2**33, tokens=2),
            row(4, key_id="key_3", cost=2**32 - 1, tokens=1),
        ],
    )
    page = PageRequest(1, 2, (Order("cost_nanodollars", descending=True),))
    found, _ = await report(usage, "key", page=page)
    assert [one.values for one in found.items] == [("key_2",), ("key_1",)]
    assert found.total == 3
    tokens = PageRequest(1, 9, (Order("input_tokens"), Order("charge_nanodollars", descending=True)))
    found, _ = await report(usage, "key", page=tokens)
    assert [one.values for one in found.items] == [("key_2",), ("key_1",), ("key_3",)]


async def test_a_period_can_be_shown_beside_the_one_before(usage: UsageStore) -> None:
    await add(
        usage,
        [
            row(1, tokens=7),
            row(2, at_us=NOON_US - DAY_US, tokens=5),
            row(3, at_us=NOON_US - DAY_US, key_id="key_2"),
            row(4, at_us=NOON_US - 2 * DAY_US),
        ],
    )
    span: dict[str, Any] = {"from_s": MIDNIGHT_S, "until_s": MIDNIGHT_S + DAY_S, "previous_from_s": MIDNIGHT_S - DAY_S}
    page, whole = await report(usage, "key", **span)
    assert [
        (one.values, one.figures.input_tokens, one.previous and one.previous.input_tokens) for one in page.items
    ] == [(("key_1",), 7, 5), (("key_2",), 0, 1)]
    assert (whole.figures.requests, whole.previous and whole.previous.requests) == (1, 2)
    sort = PageRequest(1, 9, (Order("requests"),))
    page, _ = await report(usage, "key", page=sort, **span)
    assert [one.values for one in page.items] == [("key_2",), ("key_1",)]


async def test_a_report_has_pages(usage: UsageStore) -> None:
    await add(usage, [row(number, key_id=f"key_{number}") for number in range(5)])
    page, whole = await report(usage, "key", page=PageRequest(2, 2))
    assert [one.values for one in page.items] == [("key_2",), ("key_3",)]
    assert (page.total, whole.figures.requests) == (5, 5)


async def test_a_window_is_told_by_minute(usage: UsageStore) -> None:
    await add(
        usage,
        [
            row(1, at_us=NOON_US - 60_000_000, tokens=9),
            row(2, at_us=NOON_US + 59_000_000, tokens=4),
            row(3, at_us=NOON_US + 61_000_000, tokens=5),
            row(4, at_us=NOON_US + 61_000_000, tokens=6, model="slow"),
            row(5, at_us=NOON_US + 61_000_000, organization_id="org_2"),
            row(6, at_us=NOON_US + 61_000_000, key_id="key_2"),
        ],
    )
    async with usage.read(None) as reading:
        for unit, amounts in (("requests", (1, 2)), ("tokens", (4, 11)), ("spend", (6, 12))):
            found = await reading.window("org_1", "key", "key_1", unit, NOON_S + 30)
            assert found == [(NOON_S, amounts[0]), (NOON_S + 60, amounts[1])]
        assert await reading.window("org_1", "model", "slow", "tokens", NOON_S + 30) == [(NOON_S + 60, 6)]
        assert await reading.window("org_1", "key", "key_1", "tokens", NOON_S + 120) == []


async def test_figures_count_what_they_say(usage: UsageStore) -> None:
    await add(
        usage,
        [
            row(1, cost=7),
            row(2, cost=None),
            row(3, outcome="truncated", usage_source="estimated"),
            row(4, outcome="cancelled", usage_source="partial"),
        ],
    )
    _, all_of_them = await report(usage)
    assert all_of_them.figures == Figures(
        requests=4,
        input_tokens=4,
        errors=1,
        estimated_requests=1,
        partial_requests=1,
        unpriced_requests=1,
        cost_nanodollars=17,
        charge_nanodollars=20,
        duration_us=8,
    )


async def test_nothing_adds_up_to_nothing(usage: UsageStore) -> None:
    assert await reported(usage) == [(0, 0)]
    assert await reported(usage, "key") == []
    async with usage.read(None) as reading:
        assert await reading.newest_received_us() is None


async def test_records_come_newest_first_and_go_on_where_they_stopped(usage: UsageStore) -> None:
    times = (5, 1, 3, 3, 9)
    await add(usage, [row(number, at_us=NOON_US + at) for number, at in enumerate(times)])
    async with usage.read(None) as reading:
        first = await reading.records(RecordFilter("org_1"), None, 3)
        place = (first[-1].event.occurred_at_us, first[-1].sequence)
        rest = await reading.records(RecordFilter("org_1"), place, 3)
    assert [record.event.event_id for record in first] == ["req_4", "req_0", "req_3"]
    assert [record.event.event_id for record in rest] == ["req_2", "req_1"]


async def test_records_are_held_to_their_filter(usage: UsageStore) -> None:
    await add(
        usage,
        [
            row(1),
            row(2, organization_id="org_2"),
            row(3, key_id="key_2", usage_flags="contradicts:40,counted:bytes"),
            row(4, model="slow", usage_flags="contradiction,counted:bytes"),
            row(5, outcome="truncated"),
            row(6, at_us=NOON_US + 10),
        ],
    )
    assert await listed(usage, RecordFilter("org_2")) == ["req_2"]
    assert await listed(usage, RecordFilter("org_1", key_id="key_2")) == ["req_3"]
    assert await listed(usage, RecordFilter("org_1", model="slow")) == ["req_4"]
    assert await listed(usage, RecordFilter("org_1", outcome="truncated")) == ["req_5"]
    assert await listed(usage, RecordFilter("org_1", contradicted=True)) == ["req_3"]
    assert "req_3" not in await listed(usage, RecordFilter("org_1", contradicted=False))
    assert await listed(usage, RecordFilter("org_1", from_us=NOON_US + 10)) == ["req_6"]
    assert "req_6" not in await listed(usage, RecordFilter("org_1", before_us=NOON_US + 10))
    assert await listed(usage, RecordFilter("org_1", event_id="req_1")) == ["req_1"]


async def test_a_sum_beyond_64_bits_is_refused_and_not_rounded(usage: UsageStore) -> None:
    largest = 2**53
    await add(usage, [row(number, tokens=largest) for number in range(1023)])
    with pytest.raises(RowsRefused):
        await add(usage, [row(number, tokens=largest) for number in range(2000, 2002)])
    assert await reported(usage) == [(1023, 1023 * largest)]


async def test_a_failed_transaction_leaves_nothing_behind(usage: UsageStore) -> None:
    async def fail() -> None:
        async with usage.transaction() as unit:
            numbers = await unit.books.begin({"org_1"}, NOON_US)
            await unit.add_rows([row(1, key_id="key_new")], numbers)
            await unit.add_sums(add_up(parts_of([row(1, key_id="key_new")])))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await reported(usage) == [(0, 0)]
    await add(usage, [row(2, key_id="key_newer"), row(3, key_id="key_new")])
    assert await listed(usage, RecordFilter("org_1", key_id="key_new")) == ["req_3"]


async def test_what_is_put_aside_is_put_aside_once(usage: UsageStore) -> None:
    for _ in range(2):
        async with usage.transaction() as unit:
            await unit.put_aside([Rejection("a" * 64, "reason", "event", NOON), Rejection("b" * 64, "r", "e", NOON)])
    async with usage.read(None) as reading:
        assert await reading.rejected() == 2


async def test_what_was_put_aside_is_listed_the_newest_first(usage: UsageStore) -> None:
    later = NOON.replace(hour=13)
    some = [
        Rejection(letter * 64, f"reason {letter}", "event", at)
        for letter, at in zip("bac", (NOON, NOON, later), strict=True)
    ]
    async with usage.transaction() as unit:
        await unit.put_aside(some)
    listed: list[Rejection] = []
    async with usage.read(None) as reading:
        while found := await reading.rejections(
            (micros(listed[-1].rejected_at), listed[-1].digest) if listed else None, 2
        ):
            listed += found
    assert listed == [some[2], some[1], some[0]]


async def test_a_report_of_sums_beyond_64_bits_is_exact(usage: UsageStore) -> None:
    largest, count = 2**53, 1023
    for key in range(3):
        rows = [
            row(2000 * key + number, tokens=largest, cost=2**53 - 1, key_id=f"key_{key}") for number in range(count)
        ]
        await add(usage, rows)
    page, all_of_them = await report(usage, "model")
    whole = all_of_them.figures
    assert (whole.input_tokens, whole.cost_nanodollars) == (3 * count * largest, 3 * count * (2**53 - 1))
    assert [one.figures for one in page.items] == [whole]


async def test_rows_are_in_exact_order_where_a_figure_of_several_sums_is_beyond_64_bits(usage: UsageStore) -> None:
    def tokens(number: int, key: str, *buckets: str, amount: int = 2**53) -> Row:
        subject, own = row(number, tokens=0, cost=0, key_id=key)
        return subject, tuple(
            amount if name in buckets else value for name, value in zip((*OWN, "", "", ""), own, strict=True)
        )

    await add(usage, [tokens(number, "key_1", "input_tokens", "cache_read_tokens") for number in range(512)])
    others = ("cache_write_5m_tokens", "cache_write_1h_tokens")
    await add(usage, [tokens(number, "key_2", *others) for number in range(512, 1024)])
    await add(usage, [tokens(1024, "key_2", others[0], amount=1)])
    page, whole = await report(usage, "key", page=PageRequest(1, 9, (Order("input_tokens", descending=True),)))
    assert [(*one.values, one.figures.input_tokens) for one in page.items] == [("key_2", 2**63 + 1), ("key_1", 2**63)]
    assert whole.figures.input_tokens == 2**64 + 1


async def test_a_page_behind_the_last_one_tells_of_the_whole_too(usage: UsageStore) -> None:
    await add(usage, [row(number, key_id=f"key_{number}") for number in range(3)])
    for number, keys in ((1, ["key_0", "key_1"]), (2, ["key_2"]), (3, [])):
        page, whole = await report(usage, "key", page=PageRequest(number, 2))
        assert [one.values[0] for one in page.items] == keys
        assert (page.total, whole.values, whole.figures.requests) == (3, (), 3)


async def test_names_are_equal_byte_for_byte(usage: UsageStore) -> None:
    models = ["gpt", "Gpt", "gpt ", "\u00e9", "e\u0301", "\u00df", "ss", "\U0001f600"]
    await add(usage, [row(number, model=name) for number, name in enumerate(models)])
    page, _ = await report(usage, "model")
    assert [one.values for one in page.items] == [(model,) for model in sorted(models)]
    for number, name in enumerate(models):
        assert await listed(usage, RecordFilter("org_1", model=name)) == [f"req_{number}"]


async def test_event_ids_that_differ_by_case_are_two_records(usage: UsageStore) -> None:
    subject, own = row(1)
    await add(usage, [(subject, ("REQ_1", *own[1:])), (subject, ("req_1", *own[1:]))])
    assert sorted(await listed(usage, RecordFilter("org_1"))) == ["REQ_1", "req_1"]


async def make_all(usage: UsageStore, adjusted: dict[int, tuple[int, ...]] | None = None) -> int:
    """Hours that were made anew."""
    count = 0
    while True:
        async with usage.transaction() as unit:
            await unit.alone()
            asked = await unit.asked()
            if asked is None:
                return count
            of_this = (adjusted or {}) if asked == (MIDNIGHT_S, 12) else {}
            await unit.make_hour(*asked, of_this, minutes_kept=True)
        count += 1


async def every_sum(usage: UsageStore) -> list[object]:
    return [
        (await report(usage, *TEXTS, "tag:team", grain, grain=grain))[0].items for grain in ("minute", "hour", "day")
    ]


async def wrong(usage: UsageStore, adjusted: dict[int, tuple[int, ...]] | None = None) -> int:
    async with usage.transaction() as unit:
        await unit.alone()
        return (await unit.compare(NOON_S, adjusted or {}, minutes_kept=True)).wrong


async def test_what_is_made_anew_is_what_was_added_up(usage: UsageStore) -> None:
    await add(usage, [row(1), row(2, tokens=5, usage_source="estimated"), row(3, cost=None, budgets="")])
    await add(usage, [row(4, at_us=NOON_US + 7_200 * 10**6), row(5, outcome="truncated", tags="", status=502)])
    await add(usage, [row(6, at_us=NOON_US - DAY_US, organization_id="org_2")])
    before = await every_sum(usage)
    async with usage.transaction() as unit:
        await unit.ask_anew([NOON_S, NOON_S - DAY_S])
    async with usage.read(None) as reading:
        assert await reading.pending_days() == [MIDNIGHT_S, MIDNIGHT_S - DAY_S]
        assert await reading.first_day() == MIDNIGHT_S - DAY_S
    assert await make_all(usage) == 48
    assert await every_sum(usage) == before
    assert await wrong(usage) == 0


async def test_what_is_missing_or_wrong_is_found_and_made_anew(usage: UsageStore) -> None:
    await add(usage, [row(1), row(2)])
    async with usage.transaction() as unit:
        numbers = await unit.books.begin({"org_1"}, NOON_US)
        await unit.add_rows([row(3)], numbers)
    # Requests, tokens, cost, charge and duration, of the minute and the hour; the day is what its hours are.
    assert await wrong(usage) == 10
    async with usage.transaction() as unit:
        await unit.ask_anew([NOON_S])
    await make_all(usage)
    assert await wrong(usage) == 0
    assert await reported(usage) == [(3, 3)]


async def test_what_re_ratings_changed_is_in_what_is_made_anew(usage: UsageStore) -> None:
    await add(usage, [row(1), row(2)])
    async with usage.read(None) as reading:
        (newest, _) = await reading.records(RecordFilter("org_1"), None, 10)
    adjusted = {newest.sequence: changed(-2, 7, 0)}
    async with usage.transaction() as unit:
        await unit.ask_anew([NOON_S])
    await make_all(usage, adjusted)
    _, whole = await report(usage)
    assert (whole.figures.cost_nanodollars, whole.figures.charge_nanodollars) == (8, 19)
    assert await wrong(usage, adjusted) == 0
    assert await wrong(usage) == 4


async def test_a_day_that_is_asked_for_again_begins_anew(usage: UsageStore) -> None:
    await add(usage, [row(1)])
    async with usage.transaction() as unit:
        await unit.ask_anew([NOON_S])
    async with usage.transaction() as unit:
        await unit.alone()
        await unit.make_hour(MIDNIGHT_S, 0, {}, minutes_kept=True)
        assert await unit.asked() == (MIDNIGHT_S, 1)
        await unit.ask_anew([NOON_S])
        assert await unit.asked() == (MIDNIGHT_S, 0)


async def test_old_sums_are_forgotten_some_at_a_time(usage: UsageStore) -> None:
    await add(usage, [row(number, at_us=NOON_US + number * 60_000_000) for number in range(6)])
    for forgotten in (2, 2, 0):
        async with usage.transaction() as unit:
            assert await unit.forget("minute", NOON_S + 240, 120) == forgotten
    assert [one[0] for one in await reported(usage, "minute", grain="minute")] == [NOON_S + 300, NOON_S + 240]
    assert await reported(usage, grain="hour") == await reported(usage, grain="day") == [(6, 6)]
