"""Records that are older than the ledger: settle them once, so that every record is settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headworks.ledger.domain.postings import Lines

if TYPE_CHECKING:
    from headworks.ledger.ports import Unit

_AT_ONCE: Final = 2_000


async def adopt(unit: Unit, at_us: int) -> int:
    """Settle some of them; how many. Their charge is their cost: there were no mark-ups.

    Budgets know them already, since a period that is opened looks at all records.
    """
    await unit.lock(alone=True)
    records = await unit.records.unsettled(_AT_ONCE)
    if not records:
        return 0
    lines = Lines(unit.organization_id)
    for one in records:
        cost = one.cost or 0
        lines.charge(one.project_id, one.key_id, one.provider_id, cost=cost, charge=cost)
    number = await unit.begin("usage", at_us)
    await unit.records.settle([one.number for one in records], number)
    await unit.enter(number, lines.posting())
    return len(records)
