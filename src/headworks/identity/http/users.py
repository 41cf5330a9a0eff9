"""Users over HTTP, for operators: everybody in the installation."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query, Request
from pydantic import Field, StrictBool

from headworks.identity.commands import users as commands
from headworks.identity.commands.users import UserChange
from headworks.identity.contracts import State
from headworks.identity.domain.emails import email_key
from headworks.identity.errors import LastOperator, UserNotFound, WouldLockOut
from headworks.identity.ports import Store, UserFilter
from headworks.identity.queries import people
from headworks.kernel.clock import now
from headworks.kernel.pagination import PageRequest
from headworks.kernel.principal import Principal
from headworks.kernel.web import (
    Envelope,
    IfMatch,
    PageEnvelope,
    Router,
    StrictModel,
    Timestamp,
    Versioned,
    envelope,
    page_envelope,
    paged,
    provided,
    raises,
    require,
)

router = Router("/users")

_Store = Annotated[Store, provided(Store)]
_Paging = Annotated[PageRequest, paged("created_at", email=str, name=str, state=str, created_at=datetime)]
_Operator = Annotated[Principal, require("installation:operate")]
_Id = Annotated[str, Path(max_length=128, description="Such as `usr_01k9…`.")]


class UserChangeBody(StrictModel):
    """What to change; what is left out stays as it is."""

    name: str | None = Field(None, description="A new name.")
    state: State | None = Field(
        None, description="While they are `disabled` they cannot sign in, nor do their keys work."
    )
    is_operator: StrictBool | None = Field(None, description="Whether they may do everything in the installation.")


class UserOut(Versioned):
    """A person."""

    email: str
    name: str
    state: State
    is_operator: bool
    created_at: Timestamp
    created_by: str


@router.get("", summary="List users")
async def list_users(
    request: Request,
    _caller: _Operator,
    store: _Store,
    paging: _Paging,
    state: Annotated[State | None, Query()] = None,
    email: Annotated[str | None, Query(max_length=254, description="The whole address, whatever its case.")] = None,
) -> PageEnvelope[UserOut]:
    """Everybody in the installation, the oldest first."""
    async with store.overlook() as overview:
        page = await overview.users.page(UserFilter(state, None if email is None else email_key(email)), paging)
    return page_envelope(page.map(UserOut.model_validate), request)


@router.get("/{user_id}", summary="Show a user", dependencies=[raises(UserNotFound)])
async def show_user(request: Request, user_id: _Id, _caller: _Operator, store: _Store) -> Envelope[UserOut]:
    """One of the installation's."""
    async with store.overlook() as overview:
        found = await people.show_user(overview, user_id)
    return envelope(UserOut.model_validate(found), request)


@router.patch("/{user_id}", summary="Change a user", dependencies=[raises(UserNotFound, LastOperator, WouldLockOut)])
async def change_user(
    request: Request, user_id: _Id, body: UserChangeBody, caller: _Operator, store: _Store, if_match: IfMatch
) -> Envelope[UserOut]:
    """Rename them, disable or enable them, or make them an operator; their keys follow everywhere within a second."""
    async with store.operate() as unit:
        change = UserChange(body.name, body.state, body.is_operator, if_match.expects(user_id))
        changed = await commands.change_user(unit, caller, user_id, change, now())
    return envelope(UserOut.model_validate(changed), request)
