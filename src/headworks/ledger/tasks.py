"""What the ledger does by the clock: holds that nobody reports on come back, raises end, older records are settled or forgotten."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

from headworks.kernel.clock import monotonic, now
from headworks.kernel.contention import until_it_holds
from headworks.kernel.errors import Unavailable
from headworks.kernel.moments import micros
from headworks.kernel.telemetry import logger
from headworks.ledger import commands
from headworks.ledger.contracts import Place
from headworks.ledger.errors import RaiseNotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from headworks.kernel.clock import Clock
    from headworks.ledger.commands import Forgotten
    from headworks.ledger.contracts import Raise
    from headworks.ledger.ports import Ledger
    from headworks.ledger.settings import LedgerSettings

_log = logger(__name__)

_MEASURE_SECONDS = 60
_FORGET_SECONDS = 2
"""Of each round: holds that are overdue do not wait until all is forgotten."""


class Keeper:
    """Reads what is due, and does it. Safe to run twice, also in two processes."""

    def __init__(self, ledger: Ledger, settings: LedgerSettings, clock: Clock = now) -> None:
        self._ledger = ledger
        self._settings = settings
        self._clock = clock
        self._measured: float | None = None
        self.imbalance = 0
        """What all entries add up to, in nanodollars: always 0."""
        self.counter_difference = 0
        """By how much counters of running periods are not what their entries say: always 0."""
        self.forgotten = 0
        """Usage records that were forgotten since the start."""
        self._forgotten_until: dict[str, int] = {}
        self._disagreeing: set[str] = set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.once()
                await self.forget(_FORGET_SECONDS)
                if self._measured is None or monotonic() - self._measured >= _MEASURE_SECONDS:
                    await self.measure()
                    self._measured = monotonic()
            except Unavailable as error:
                _log.warning("ledger not kept, trying again", detail=error.detail or error.message)
            except Exception:  # noqa: BLE001 - a bug here must not take the front door away
                _log.exception("ledger not kept, trying again")
            await asyncio.sleep(self._settings.keep_seconds)

    async def once(self) -> None:
        """All that is due now. Raises Unavailable."""
        at_us = micros(self._clock())
        async with self._ledger.overlooking() as overview:
            raises = await overview.due_raises(at_us)
            holds = await overview.overdue_holds(at_us)
            unsettled = await overview.unsettled_owners()
        for owner, due in raises:
            await until_it_holds(partial(self._end, owner, due, at_us))
        places: defaultdict[str, set[Place]] = defaultdict(set)
        for owner, hold in holds:
            places[owner].add(Place(hold.budget_id, hold.start_us))
        for owner, overdue in places.items():
            await until_it_holds(partial(self._reclaim, owner, overdue, at_us))
        for owner in unsettled:
            await self._adopt_all(owner, at_us)

    @property
    def unforgettable(self) -> int:
        """Organisations whose old records stay, since they are not what their settlements entered: always 0."""
        return len(self._disagreeing)

    async def measure(self) -> None:
        """And look again at what did not agree. Raises Unavailable."""
        for owner in self._disagreeing:
            self._forgotten_until.pop(owner, None)
        async with self._ledger.overlooking() as overview:
            self.imbalance = await overview.imbalance()
            self.counter_difference = await overview.counter_difference(micros(self._clock()))
        if self.imbalance or self.counter_difference:
            _log.error("the ledger does not agree", imbalance=self.imbalance, counters=self.counter_difference)

    async def forget(self, seconds: int | None = None) -> None:
        """Records from before the moment from which on usage keeps them, once their period is closed. Raises Unavailable.

        After so long it stops where it is, and the next call goes on from there; None takes as long as it takes.
        """
        began = monotonic()
        async with self._ledger.overlooking() as overview:
            kept_from_us = await overview.kept_from()
            owners = await overview.organizations() if kept_from_us else []
        for owner in owners:
            if self._forgotten_until.get(owner, 0) == kept_from_us:
                continue
            last = await self._forget_of(owner, lambda: seconds is None or monotonic() - began < seconds)
            if last.more:
                return
            self._forgotten_until[owner] = kept_from_us
            (self._disagreeing.add if last.faults else self._disagreeing.discard)(owner)

    async def _forget_of(self, owner: str, may_go_on: Callable[[], bool]) -> Forgotten:
        """The last step."""
        await self._close(owner)
        step = await until_it_holds(partial(self._forget, owner))
        records = step.records
        while step.more and may_go_on():
            # Others want to write, too.
            await asyncio.sleep(0)
            step = await until_it_holds(partial(self._forget, owner))
            records += step.records
        self.forgotten += records
        if records:
            _log.info("old usage records forgotten", organization_id=owner, records=records)
        if step.faults:
            transactions = [fault.transaction for fault in step.faults]
            _log.error("old usage records stay: they do not agree", organization_id=owner, transactions=transactions)
        return step

    async def _close(self, owner: str) -> None:
        async with self._ledger.reading(owner) as reading:
            found = await commands.fixed(reading)
        if found is None:
            return

        async def close() -> None:
            async with self._ledger.writing(owner) as unit:
                await commands.close_fixed(unit, found, micros(self._clock()))

        await until_it_holds(close)

    async def _forget(self, owner: str) -> Forgotten:
        async with self._ledger.writing(owner) as unit:
            return await commands.forget(unit, micros(self._clock()))

    async def _end(self, owner: str, due: Raise, at_us: int) -> None:
        try:
            async with self._ledger.writing(owner) as unit:
                await commands.end_raise(unit, due.budget_id, due.id, at_us)
        except RaiseNotFound:
            # Somebody else was quicker.
            return

    async def _reclaim(self, owner: str, places: set[Place], at_us: int) -> None:
        async with self._ledger.writing(owner) as unit:
            amount = await commands.reclaim(unit, places, at_us)
        if amount:
            _log.info("overdue leases taken back", organization_id=owner, nanodollars=amount)

    async def _adopt_all(self, owner: str, at_us: int) -> None:
        done = 0
        while some := await until_it_holds(partial(self._adopt, owner, at_us)):
            done += some
        _log.info("older usage settled", organization_id=owner, records=done)

    async def _adopt(self, owner: str, at_us: int) -> int:
        async with self._ledger.writing(owner) as unit:
            return await commands.adopt(unit, at_us)
