"""What organisations pay on top of the cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from headworks.kernel.errors import Invalid
from headworks.kernel.ids import new_id
from headworks.kernel.scopes import UnknownScope
from headworks.kernel.versions import check_version
from headworks.ledger.commands.closing import check_open
from headworks.ledger.contracts import PPM, MarkUp, MarkUpChanged
from headworks.ledger.domain import audited
from headworks.ledger.errors import MarkUpNotFound

if TYPE_CHECKING:
    from headworks.ledger.ports import ScopeNames, Unit

_LARGEST: Final = 100 * PPM


@dataclass(frozen=True, slots=True)
class NewMarkUp:
    """A mark-up as somebody wrote it down."""

    ppm: int
    valid_from_us: int | None = None
    """None: from now on."""


async def create_mark_up(unit: Unit, names: ScopeNames, wish: NewMarkUp, at_us: int) -> MarkUp:
    """It takes over from the one before. What is recorded keeps its charge until it is rated anew.

    Raises Invalid, UnknownScope, MarkUpExists, PeriodClosed.
    """
    if not -PPM <= wish.ppm <= _LARGEST:
        raise Invalid.field(
            "ppm", "out_of_range", f"must be -{PPM} (all of it for free) to {_LARGEST} (a hundred times)"
        )
    if not await names.has(unit.organization_id, "organization", unit.organization_id):
        raise UnknownScope("organization", unit.organization_id, field="organization_id")
    valid_from_us = at_us if wish.valid_from_us is None else wish.valid_from_us
    await unit.lock(alone=True)
    await check_open(unit, valid_from_us)
    made = MarkUp(new_id("mup"), unit.organization_id, wish.ppm, valid_from_us, at_us)
    await unit.add_mark_up(made)
    await _note(unit)
    unit.audit(audited.mark_up("created", None, made))
    return made


async def remove_mark_up(unit: Unit, mark_up_id: str, expected: int | None = None) -> None:
    """The one before it holds on. What is recorded keeps its charge. Raises MarkUpNotFound, PeriodClosed, Stale."""
    await unit.lock(alone=True)
    found = next((one for one in await unit.mark_ups() if one.id == mark_up_id), None)
    if found is None:
        raise MarkUpNotFound(mark_up_id)
    check_version(expected, found.version)
    await check_open(unit, found.valid_from_us)
    await unit.remove_mark_up(mark_up_id)
    await _note(unit)
    unit.audit(audited.mark_up("removed", found, None))


async def _note(unit: Unit) -> None:
    await unit.touch()
    unit.publish(MarkUpChanged(unit.organization_id))
