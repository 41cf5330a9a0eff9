"""What operators do to users. The installation always keeps an operator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.identity.contracts import SessionEnded, UserChanged
from headworks.identity.domain import audited
from headworks.identity.domain.versions import check_version
from headworks.identity.errors import LastOperator, UserNotFound, WouldLockOut
from headworks.kernel.audit import Change
from headworks.kernel.text import checked_name

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.contracts import State, User
    from headworks.identity.ports import Installation
    from headworks.kernel.principal import Principal


@dataclass(frozen=True, slots=True)
class UserChange:
    """What is to be different; None leaves it."""

    name: str | None = None
    state: State | None = None
    is_operator: bool | None = None
    expected_version: int | None = None


async def change_user(unit: Installation, caller: Principal, user_id: str, change: UserChange, at: datetime) -> User:
    """Rename them, disable or enable them, make them an operator or not. Who is disabled is signed out for good.

    Raises UserNotFound, Invalid, Stale, WouldLockOut, LastOperator.
    """
    found = await unit.users.get(user_id)
    if found is None:
        raise UserNotFound(f"There is no user {user_id!r}.")
    check_version(change.expected_version, found.version)
    changed = replace(
        found,
        name=found.name if change.name is None else checked_name("name", change.name),
        state=found.state if change.state is None else change.state,
        is_operator=found.is_operator if change.is_operator is None else change.is_operator,
    )
    if changed == found:
        return found
    is_operating = changed.is_operator and changed.state == "active"
    if caller.id == found.id and not is_operating:
        raise WouldLockOut("That is you. Let another operator do it.")
    if not is_operating and [one.id for one in await unit.users.operators()] == [found.id]:
        raise LastOperator("They are the last operator. Make somebody else one first.")
    changed = replace(changed, version=found.version + 1)
    await unit.users.replace(changed)
    if (changed.state, changed.is_operator) != (found.state, found.is_operator):
        unit.publish(UserChanged(found.id))
    unit.audit(audited.change("changed", found, changed))
    if changed.state == "disabled" and found.state == "active":
        # Or those who find them enabled again would find them signed in, wherever they left their devices.
        for session_id in await unit.end_sessions(found.id, "user_disabled", at):
            ended = {"user_id": found.id, "end_reason": "user_disabled"}
            unit.audit(Change("session.ended", "session", session_id, None, ended))
            unit.publish(SessionEnded(session_id))
    return changed
