"""What is set reaches the parts that go by it."""

from __future__ import annotations

from pathlib import Path

from headworks.bootstrap.container import build_container, build_intake, lay_foundation
from headworks.bootstrap.databases import Databases
from headworks.bootstrap.home import Home
from headworks.bootstrap.settings import Settings
from headworks.kernel.pagination import PageRequest
from headworks.usage.ports import ReportFilter
from tests.support.usage_events import usage_event


async def test_usage_tells_as_many_values_of_a_tag_apart_as_is_set(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.prepare()
    settings = Settings(home=home.path, usage_tag_values=2, usage_minute_hours=3, usage_hour_days=40)
    databases = Databases(home, settings)
    databases.prepare()
    foundation = lay_foundation(home, settings, databases, {})
    kept = foundation.usage_settings
    assert (kept.tag_values, kept.minute_hours, kept.hour_days) == (2, 3, 40)
    intake, container = build_intake(foundation), build_container(foundation)
    try:
        await intake.take([usage_event(number, tags=f'{{"run":"{number}"}}') for number in range(4)], lambda: None)
        async with container.usage.read(None) as reading:
            page, _ = await reading.report(ReportFilter("org_1", "day", 0, 2**33), ["tag:run"], PageRequest())
    finally:
        await intake.close()
        await container.close()
    assert [(*row.values, row.figures.requests) for row in page.items] == [("(other)", 2), ("0", 1), ("1", 1)]
