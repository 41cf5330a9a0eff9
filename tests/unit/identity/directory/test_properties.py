"""Whatever directories send: changes by PATCH end where the same changes by PUT end, and no tenant sees another."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headworks.identity.adapters.memory import MemoryStore
from headworks.identity.contracts import Organization, Project
from headworks.kernel.events import EventBus
from tests.unit.identity.conftest import NOON
from tests.unit.identity.directory.conftest import (
    ENTERPRISE,
    GROUP,
    Json,
    Speaker,
    found_admin,
    members,
    patch,
    person,
    speak,
)

words = st.sampled_from(["Ada", "Bob", "née", "名前", "x" * 40])
FIELDS = ("displayName", "title", "externalId")
changes = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.sampled_from(FIELDS), words),
        st.tuples(st.just("clear"), st.sampled_from(FIELDS), words),
        st.tuples(st.just("name"), st.sampled_from(["givenName", "familyName"]), words),
        st.tuples(st.just("department"), st.just(""), words),
        st.tuples(st.just("email"), st.sampled_from(["work", "home"]), st.sampled_from("abc")),
        st.tuples(st.just("active"), st.just(""), st.booleans()),
    ),
    max_size=8,
)


def as_operation(kind: str, field: str, value: Any, *, quirky: bool) -> Json:  # noqa: ANN401 - of each kind its own
    """As a PATCH says it, in the standard's way or in Entra's."""
    op = {"set": "replace", "clear": "remove"}.get(kind, "replace" if quirky else "add")
    op = op.capitalize() if quirky else op
    if kind == "clear":
        return {"op": op, "path": field.lower() if quirky else field}
    if kind == "name":
        return {"op": op, "path": f"name.{field}", "value": value}
    if kind == "department":
        path = f"{ENTERPRISE}:department"
        return {"op": op, "value": {path: value}} if quirky else {"op": op, "path": path, "value": value}
    if kind == "email":
        return {"op": "replace", "path": f'emails[type eq "{field}"].value', "value": f"{value}@mail.example"}
    if kind == "active":
        return {"op": op, "path": "active", "value": str(value) if quirky else value}
    return {"op": op, "path": field, "value": value}


def apply(document: Json, kind: str, field: str, value: Any) -> None:  # noqa: ANN401 - as above
    """The same on a whole document, in a few plain lines."""
    if kind == "set":
        document[field] = value
    elif kind == "clear":
        document.pop(field, None)
    elif kind == "name":
        document.setdefault("name", {})[field] = value
    elif kind == "department":
        document[ENTERPRISE] = {"department": value}
        if ENTERPRISE not in document["schemas"]:
            document["schemas"].append(ENTERPRISE)
    elif kind == "active":
        document["active"] = value
    else:
        emails = document.setdefault("emails", [])
        for one in emails:
            if one["type"] == field:
                one["value"] = f"{value}@mail.example"
                return
        emails.append({"type": field, "value": f"{value}@mail.example"})


def content(shown: Json) -> Json:
    return {name: value for name, value in shown.items() if name not in ("id", "meta")}


async def tenants(*organization_ids: str) -> dict[str, Speaker]:
    store = MemoryStore(EventBus())
    async with store.operate() as unit:
        for organization_id in organization_ids:
            await unit.organizations.add(Organization(organization_id, organization_id, NOON))
            project = Project(f"prj_{organization_id}", organization_id, "Default", NOON)
            await unit.within(organization_id).projects.add(project)
    for organization_id in organization_ids:
        await found_admin(store, organization_id)
    return {one: await speak(store, one) for one in organization_ids}


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(script=changes, quirks=st.lists(st.booleans(), min_size=8, max_size=8), at_once=st.booleans())
def test_patches_end_where_puts_end(script: list[tuple[str, str, Any]], quirks: list[bool], *, at_once: bool) -> None:
    async def whole() -> None:
        spoken = await tenants("org_patch", "org_put")
        first, second = spoken.values()
        document = person("ada", active=True)
        patched = await first.add("ada", active=True)
        put = await second.add("ada", active=True)
        operations = [as_operation(*change, quirky=quirk) for change, quirk in zip(script, quirks, strict=False)]
        for change in script:
            apply(document, *change)
        for body in [patch(*operations)] if at_once else [patch(one) for one in operations]:
            if body["Operations"]:
                await first.send("PATCH", f"/Users/{patched}", body)
        await second.send("PUT", f"/Users/{put}", document)
        shown = [await first.send("GET", f"/Users/{patched}"), await second.send("GET", f"/Users/{put}")]
        assert content(shown[0]) == content(shown[1])
        for speaker in (first, second):
            assert len(await speaker.roles()) == (2 if document["active"] else 1)

    asyncio.run(whole())


steps = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["add", "look", "off", "put", "delete", "group", "fill", "regroup", "ungroup"]),
        st.integers(0, 50),
    ),
    max_size=20,
)


async def act(speaker: Speaker, what: str, target: str, number: int) -> int:
    """One request of a directory about anybody's thing; its status."""
    requests: dict[str, tuple[str, str, Json | None]] = {
        "add": ("POST", "/Users", person(f"user{number % 5}")),
        "look": ("GET", f"/Users/{target}", None),
        "off": ("PATCH", f"/Users/{target}", patch({"op": "replace", "path": "active", "value": False})),
        "put": ("PUT", f"/Users/{target}", person(f"user{number % 5}", displayName=f"Name {number}")),
        "delete": ("DELETE", f"/Users/{target}", None),
        "group": ("POST", "/Groups", {"schemas": [GROUP], "displayName": f"Group {number}"}),
        "fill": ("POST", "/Groups", {"schemas": [GROUP], "displayName": "Full", "members": members(target)}),
        "regroup": ("PATCH", f"/Groups/{target}", patch({"op": "replace", "path": "displayName", "value": "Renamed"})),
        "ungroup": ("DELETE", f"/Groups/{target}", None),
    }
    method, path, body = requests[what]
    answer = await speaker.http.request(method, path, json=body)
    assert answer.status_code < 500, answer.text
    return answer.status_code


async def everything(speaker: Speaker) -> list[Json]:
    """All that a directory can see, and who is what in its organisation."""
    listed = [(await speaker.send("GET", path)).get("Resources", []) for path in ("/Users", "/Groups")]
    return [*listed[0], *listed[1], dict(await speaker.roles())]


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(script=steps)
def test_no_tenant_sees_or_changes_another(script: list[tuple[int, str, int]]) -> None:
    async def whole() -> None:
        spoken = await tenants("org_0", "org_1", "org_2")
        before = {one: await everything(speaker) for one, speaker in spoken.items()}
        for number, what, which in script:
            organization_id = f"org_{number}"
            things = [(one["id"], owner) for owner, seen in before.items() for one in seen if "id" in one]
            target, owner = things[which % len(things)] if things else ("dpr_x", "")
            status = await act(spoken[organization_id], what, target, which)
            if owner != organization_id and what not in ("add", "group"):
                assert status in (400, 404), f"{what} reached across"
            after = {one: await everything(speaker) for one, speaker in spoken.items()}
            for one in spoken:
                assert one == organization_id or after[one] == before[one], f"{what} changed another organisation"
            before = after

    asyncio.run(whole())


def test_anothers_thing_is_answered_like_one_that_is_not_there() -> None:
    async def whole() -> None:
        spoken = await tenants("org_0", "org_1")
        mine, theirs = spoken.values()
        others = [await theirs.add("eve"), await theirs.group("Theirs")]
        for other, kind in zip(others, ("Users", "Groups"), strict=True):
            for method, body in (
                ("GET", None),
                ("PUT", person("x", displayName="X")),
                ("PATCH", patch()),
                ("DELETE", None),
            ):
                answers = []
                for wanted in (other, other[:-6] + "zzzzzz"):
                    answer = await mine.http.request(method, f"/{kind}/{wanted}", json=body)
                    answers.append((answer.status_code, answer.text.replace(wanted, "…")))
                assert answers[0] == answers[1]
                assert answers[0][0] in (400, 404)

    asyncio.run(whole())
