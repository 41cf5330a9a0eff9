"""Projects over HTTP: the parts of an organisation."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Request
from pydantic import Field

from headworks.identity.commands import projects as commands
from headworks.identity.commands.projects import ProjectChange
from headworks.identity.contracts import ProjectState
from headworks.identity.errors import NameInUse, NoSuchProject, WouldLockOut
from headworks.identity.ports import Store
from headworks.identity.queries import places
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

router = Router("/projects")

_Store = Annotated[Store, provided(Store)]
_Paging = Annotated[PageRequest, paged("created_at", name=str, state=str, created_at=datetime)]
_Reader = Annotated[Principal, require("projects:read")]
_Writer = Annotated[Principal, require("projects:write")]
_Id = Annotated[str, Path(max_length=128, description="Such as `prj_01k9…`.")]


class NewProjectBody(StrictModel):
    """A project to make."""

    name: str = Field(
        description="What it is called; no other of the organisation may have the name.", examples=["Web"]
    )


class ProjectChangeBody(StrictModel):
    """What to change; what is left out stays as it is."""

    name: str | None = Field(None, description="A new name.")
    state: ProjectState | None = Field(
        None, description="While it is `archived` its keys do not work, and none is made in it."
    )


class ProjectOut(Versioned):
    """A part of an organisation."""

    organization_id: str
    name: str
    state: ProjectState
    created_at: Timestamp


@router.get("", summary="List projects")
async def list_projects(request: Request, caller: _Reader, store: _Store, paging: _Paging) -> PageEnvelope[ProjectOut]:
    """Those of the caller's organisation, the oldest first."""
    async with store.read(caller.organization_id) as reading:
        page = await reading.projects.page(paging)
    return page_envelope(page.map(ProjectOut.model_validate), request)


@router.post("", summary="Make a project", status_code=201, dependencies=[raises(NameInUse)])
async def create_project(
    request: Request, body: NewProjectBody, caller: _Writer, store: _Store
) -> Envelope[ProjectOut]:
    """A part of the organisation, for keys and costs to belong to."""
    async with store.transaction(caller.organization_id) as unit:
        made = await commands.create_project(unit, body.name, now())
        return envelope(ProjectOut.model_validate(made), request)


@router.get("/{project_id}", summary="Show a project", dependencies=[raises(NoSuchProject)])
async def show_project(request: Request, project_id: _Id, caller: _Reader, store: _Store) -> Envelope[ProjectOut]:
    """One of the organisation's."""
    async with store.read(caller.organization_id) as reading:
        found = await places.show_project(reading, project_id)
    return envelope(ProjectOut.model_validate(found), request)


@router.patch(
    "/{project_id}", summary="Change a project", dependencies=[raises(NoSuchProject, NameInUse, WouldLockOut)]
)
async def change_project(
    request: Request, project_id: _Id, body: ProjectChangeBody, caller: _Writer, store: _Store, if_match: IfMatch
) -> Envelope[ProjectOut]:
    """Rename it, or archive it and take it back; its keys follow everywhere within a second."""
    async with store.transaction(caller.organization_id) as unit:
        change = ProjectChange(body.name, body.state, if_match.expects(project_id))
        changed = await commands.change_project(unit, caller, project_id, change)
    return envelope(ProjectOut.model_validate(changed), request)
