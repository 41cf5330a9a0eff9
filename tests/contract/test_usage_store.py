"""The contract of `usage.ports.UsageStore`, held by every adapter."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

import pytest

from headworks.kernel.pagination import PageRequest
from headworks.usage.contracts import Dimension
from headworks.usage.domain.rows import OWN, Row, Shared, Subject, event_of, identity_of
from headworks.usage.domain.totals import add_up
from headworks.usage.ports import AlreadyThere, RecordFilter, Rejection, ReportFilter, RowsRefused, UsageStore

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
NOON_US = int(NOON.timestamp()) * 1_000_000
DAY_US = 86_400_000_000
EVERY_DAY = (date(2000, 1, 1), date(2100, 1, 1))
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


def row(number: int, *, tokens: int = 1, at_us: int = NOON_US, cost: int | None = 5, **shared: str) -> Row:
    own = {
        "event_id": f"req_{number}",
        "upstream_request_id": "up",
        "error_code": "",
        "usage_flags": "",
        "streamed": True,
        "tags": '{"team":"\u00e9t\u00e9"}',
        "first_byte_us": None,
        "drawn_nanodollars": 2**63 - 1,
        "occurred_at_us": at_us,
        "duration_us": 2,
        "status": 200,
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
        numbers = {owner: await unit.books.begin(owner, NOON_US) for owner in sorted(owners)}
        await unit.add_rows(rows, numbers)
        await unit.add_totals(add_up(rows))


async def reported(usage: UsageStore, *group_by: Dimension, organization: str = "org_1") -> list[tuple[object, ...]]:
    async with usage.read() as reading:
        wanted = ReportFilter(organization, *EVERY_DAY)
        page, _ = await reading.report(wanted, group_by, PageRequest())
    return [(one.key_id, one.model, one.day, one.figures.requests, one.figures.input_tokens) for one in page.items]


async def listed(usage: UsageStore, wanted: RecordFilter) -> list[str]:
    async with usage.read() as reading:
        return [record.event.event_id for record in await reading.records(wanted, None, 100)]


async def test_a_record_comes_back_as_it_was(usage: UsageStore) -> None:
    kept = row(1)
    await add(usage, [kept])
    async with usage.read() as reading:
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
    assert await reported(usage) == [(None, None, None, 1, 1)]


async def test_the_same_event_id_of_another_spool_is_another_record(usage: UsageStore) -> None:
    await add(usage, [row(1), row(1, source="other")])
    assert await listed(usage, RecordFilter("org_1")) == ["req_1", "req_1"]


async def test_present_tells_which_are_there(usage: UsageStore) -> None:
    await add(usage, [row(number) for number in range(3)])
    async with usage.transaction() as unit:
        asked = [row(number) for number in range(2, 1200)] + [row(0, source="other")]
        assert set(await unit.present(asked)) == {identity_of(row(2))}


async def test_totals_add_to_what_is_there(usage: UsageStore) -> None:
    await add(usage, [row(1, tokens=3), row(2, tokens=4)])
    await add(usage, [row(3, tokens=5), row(4, key_id="key_2"), row(5, model="slow"), row(6, at_us=NOON_US + DAY_US)])
    assert await reported(usage, "key", "model", "day") == [
        ("key_1", "fast", date(2026, 1, 3), 1, 1),
        ("key_1", "fast", date(2026, 1, 2), 3, 12),
        ("key_1", "slow", date(2026, 1, 2), 1, 1),
        ("key_2", "fast", date(2026, 1, 2), 1, 1),
    ]
    assert await reported(usage, "model") == [(None, "fast", None, 5, 14), (None, "slow", None, 1, 1)]
    assert await reported(usage, "day") == [
        (None, None, date(2026, 1, 3), 1, 1),
        (None, None, date(2026, 1, 2), 5, 14),
    ]
    assert await reported(usage) == [(None, None, None, 6, 15)]


async def test_a_report_is_held_to_its_filter(usage: UsageStore) -> None:
    await add(usage, [row(1), row(2, key_id="key_2"), row(3, organization_id="org_2"), row(4, at_us=NOON_US - DAY_US)])
    assert await reported(usage, organization="org_2") == [(None, None, None, 1, 1)]
    for wanted, requests in (
        (ReportFilter("org_1", *EVERY_DAY), 3),
        (ReportFilter("org_1", date(2026, 1, 2), date(2026, 1, 2)), 2),
        (ReportFilter("org_1", *EVERY_DAY, key_id="key_2"), 1),
        (ReportFilter("org_1", *EVERY_DAY, model="none"), 0),
    ):
        async with usage.read() as reading:
            _, whole = await reading.report(wanted, ("key",), PageRequest())
        assert whole.requests == requests, wanted


async def test_a_report_has_pages(usage: UsageStore) -> None:
    await add(usage, [row(number, key_id=f"key_{number}") for number in range(5)])
    wanted = ReportFilter("org_1", *EVERY_DAY)
    async with usage.read() as reading:
        page, whole = await reading.report(wanted, ("key",), PageRequest(2, 2))
    assert [one.key_id for one in page.items] == ["key_2", "key_3"]
    assert (page.total, whole.requests) == (5, 5)


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
    async with usage.read() as reading:
        _, whole = await reading.report(ReportFilter("org_1", *EVERY_DAY), (), PageRequest())
    assert (whole.requests, whole.errors, whole.estimated_requests, whole.unpriced_requests) == (4, 1, 1, 1)
    assert whole.cost_nanodollars == 17


async def test_nothing_adds_up_to_nothing(usage: UsageStore) -> None:
    assert await reported(usage) == [(None, None, None, 0, 0)]
    assert await reported(usage, "key") == []
    async with usage.read() as reading:
        assert await reading.newest_received_us() is None


async def test_records_come_newest_first_and_go_on_where_they_stopped(usage: UsageStore) -> None:
    times = (5, 1, 3, 3, 9)
    await add(usage, [row(number, at_us=NOON_US + at) for number, at in enumerate(times)])
    async with usage.read() as reading:
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
            row(3, key_id="key_2"),
            row(4, model="slow"),
            row(5, outcome="truncated"),
            row(6, at_us=NOON_US + 10),
        ],
    )
    assert await listed(usage, RecordFilter("org_2")) == ["req_2"]
    assert await listed(usage, RecordFilter("org_1", key_id="key_2")) == ["req_3"]
    assert await listed(usage, RecordFilter("org_1", model="slow")) == ["req_4"]
    assert await listed(usage, RecordFilter("org_1", outcome="truncated")) == ["req_5"]
    assert await listed(usage, RecordFilter("org_1", from_us=NOON_US + 10)) == ["req_6"]
    assert "req_6" not in await listed(usage, RecordFilter("org_1", before_us=NOON_US + 10))
    assert await listed(usage, RecordFilter("org_1", event_id="req_1")) == ["req_1"]


async def test_a_sum_beyond_64_bits_is_refused_and_not_rounded(usage: UsageStore) -> None:
    largest = 2**53
    await add(usage, [row(number, tokens=largest) for number in range(1023)])
    with pytest.raises(RowsRefused):
        await add(usage, [row(number, tokens=largest) for number in range(2000, 2002)])
    assert await reported(usage) == [(None, None, None, 1023, 1023 * largest)]


async def test_a_failed_transaction_leaves_nothing_behind(usage: UsageStore) -> None:
    async def fail() -> None:
        async with usage.transaction() as unit:
            number = await unit.books.begin("org_1", NOON_US)
            await unit.add_rows([row(1, key_id="key_new")], {"org_1": number})
            await unit.add_totals(add_up([row(1, key_id="key_new")]))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await reported(usage) == [(None, None, None, 0, 0)]
    await add(usage, [row(2, key_id="key_newer"), row(3, key_id="key_new")])
    assert await listed(usage, RecordFilter("org_1", key_id="key_new")) == ["req_3"]


async def test_what_is_put_aside_is_put_aside_once(usage: UsageStore) -> None:
    for _ in range(2):
        async with usage.transaction() as unit:
            await unit.put_aside([Rejection("a" * 64, "reason", "event", NOON), Rejection("b" * 64, "r", "e", NOON)])
    async with usage.read() as reading:
        assert await reading.rejected() == 2


async def test_a_report_of_sums_beyond_64_bits_is_exact(usage: UsageStore) -> None:
    largest, count = 2**53, 1023
    for key in range(3):
        rows = [
            row(2000 * key + number, tokens=largest, cost=2**53 - 1, key_id=f"key_{key}") for number in range(count)
        ]
        await add(usage, rows)
    async with usage.read() as reading:
        page, whole = await reading.report(ReportFilter("org_1", *EVERY_DAY), ("model",), PageRequest())
    assert (whole.input_tokens, whole.cost_nanodollars) == (3 * count * largest, 3 * count * (2**53 - 1))
    assert [one.figures for one in page.items] == [whole]


async def test_names_are_equal_byte_for_byte(usage: UsageStore) -> None:
    models = ["gpt", "Gpt", "gpt ", "\u00e9", "e\u0301", "\u00df", "ss", "\U0001f600"]
    await add(usage, [row(number, model=name) for number, name in enumerate(models)])
    async with usage.read() as reading:
        page, _ = await reading.report(ReportFilter("org_1", *EVERY_DAY), ("model",), PageRequest(1, 100))
        assert [one.model for one in page.items] == sorted(models)
    for number, name in enumerate(models):
        assert await listed(usage, RecordFilter("org_1", model=name)) == [f"req_{number}"]


async def test_event_ids_that_differ_by_case_are_two_records(usage: UsageStore) -> None:
    subject, own = row(1)
    await add(usage, [(subject, ("REQ_1", *own[1:])), (subject, ("req_1", *own[1:]))])
    assert sorted(await listed(usage, RecordFilter("org_1"))) == ["REQ_1", "req_1"]
