"""Records that name no transaction, because they are older than the ledger: settle them once, as any other usage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headworks.ledger.commands.settling import settle
from headworks.ledger.contracts import Use

if TYPE_CHECKING:
    from headworks.ledger.contracts import RatedRecord
    from headworks.ledger.ports import Unit

_AT_ONCE: Final = 2_000


async def adopt(unit: Unit, at_us: int) -> int:
    """Settle some of them; how many. Their charge is their cost: there were no mark-ups."""
    await unit.lock(alone=True)
    records = await unit.records.unsettled(_AT_ONCE)
    if not records:
        return 0
    number = await unit.begin("usage", at_us)
    await unit.records.settle([one.number for one in records], number)
    uses = [_use(unit.organization_id, one) for one in records]
    await unit.enter(number, await settle(unit, uses, await unit.budgets(), at_us))
    return len(records)


def _use(organization_id: str, record: RatedRecord) -> Use:
    return Use(
        organization_id=organization_id,
        project_id=record.project_id,
        key_id=record.key_id,
        user_id=record.user_id,
        model=record.model,
        provider_id=record.provider_id,
        source="",
        budgets="",
        drawn=0,
        occurred_at_us=record.occurred_at_us,
        cost=record.cost or 0,
        charge=record.cost or 0,
    )
