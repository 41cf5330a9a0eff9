from __future__ import annotations

from headworks.usage.facade import UsageFacade
from headworks.usage.ports import UsageStore
from headworks.usage.tasks import ingest
from tests.unit.usage.conftest import Prices, event


async def test_events_that_were_put_aside_are_counted(store: UsageStore, prices: Prices) -> None:
    assert await UsageFacade(store).rejected_events() == 0
    await ingest(store, prices, [event(), ("nonsense",)])
    assert await UsageFacade(store).rejected_events() == 1
