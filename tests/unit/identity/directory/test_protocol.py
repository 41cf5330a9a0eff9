"""The protocol: paging, sorting, filters, parts of a resource, versions, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from headworks.identity.http.scim import searching
from headworks.identity.http.scim.service import LONGEST_FILTER
from headworks.kernel.web.middleware import BODY_LIMIT_BYTES
from tests.unit.identity.directory.conftest import ENTERPRISE, ERROR, GROUP, LIST, USER, Speaker, patch, person

pytestmark = pytest.mark.parametrize("store", ["memory"], indirect=True)
"""What is said does not depend on where it is kept: `test_storage` holds both stores to the same rules."""


async def names(directory: Speaker, filtered: str) -> list[str]:
    return sorted(one["userName"].partition("@")[0] for one in await directory.found(filtered))


async def three(directory: Speaker) -> None:
    await directory.add("ada", displayName="Ada", title="Countess", externalId="A1", active=True)
    await directory.add("bob", displayName="Bob", emails=[{"value": "bob@home.example", "type": "home"}], active=False)
    await directory.add("Cy", displayName="Cy", **{ENTERPRISE: {"department": "Research"}})


@pytest.mark.parametrize(
    ("filtered", "found"),
    [
        ('userName eq "ADA@example.org"', ["ada"]),
        ('USERNAME EQ "ada@example.org"', ["ada"]),
        (f'{USER}:userName eq "ada@example.org"', ["ada"]),
        ('userName ne "ada@example.org"', ["Cy", "bob"]),
        ('userName co "@EXAMPLE"', ["Cy", "ada", "bob"]),
        ('userName sw "b"', ["bob"]),
        ('displayName ew "Y"', ["Cy"]),
        ("title pr", ["ada"]),
        ('userName gt "b"', ["Cy", "bob"]),
        ('userName le "ada@example.org"', ["ada"]),
        ('externalId eq "A1"', ["ada"]),
        ('externalId eq "a1"', []),
        ("active eq false", ["bob"]),
        ('title pr or displayName eq "bob"', ["ada", "bob"]),
        ('title pr and displayName eq "bob"', []),
        ('not (title pr) and (displayName eq "Bob" or displayName eq "Cy")', ["Cy", "bob"]),
        ('emails[type eq "home" and value co "home"]', ["bob"]),
        ('emails.type eq "home"', ["bob"]),
        (f'{ENTERPRISE}:department eq "research"', ["Cy"]),
        ('meta.created gt "2000-01-01T00:00:00Z"', ["Cy", "ada", "bob"]),
        ('userName eq "ada@example.org" and title eq "Nothing"', []),
        ('userName eq "ada\\u0000@example.org"', []),
        ('id eq "dpr_nobody"', []),
        ('externalId eq "A1" or userName eq "bob@example.org"', ["ada", "bob"]),
    ],
)
async def test_filters(directory: Speaker, filtered: str, found: list[str]) -> None:
    await three(directory)
    assert await names(directory, filtered) == found


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ('filter=userName eq "x', "invalidFilter"),
        ("filter=", "invalidFilter"),
        ("filter=userName", "invalidFilter"),
        ('filter=nonsense eq "x"', "invalidFilter"),
        ('filter=userName xx "x"', "invalidFilter"),
        ('filter=active gt "x"', "invalidFilter"),
        (f'filter=userName eq "{"x" * LONGEST_FILTER}"', "invalidFilter"),
        ("count=many", "invalidValue"),
        ("startIndex=first", "invalidValue"),
        ("sortBy=nonsense", "invalidPath"),
        ("sortOrder=sideways", "invalidValue"),
    ],
)
async def test_searches_that_make_no_sense(directory: Speaker, query: str, kind: str) -> None:
    assert await directory.refused("GET", f"/Users?{query}") == (400, kind)


async def test_pages_hold_everybody_once(directory: Speaker) -> None:
    ids = [await directory.add(f"user{number}") for number in range(5)]
    for path in ("/Users?", "/Users?sortBy=meta.created&", "/Users?filter=userName pr&"):
        seen = []
        for start in (1, 3, 5):
            page = await directory.send("GET", f"{path}startIndex={start}&count=2")
            assert (page["totalResults"], page["startIndex"]) == (5, start)
            assert page["itemsPerPage"] == len(page["Resources"])
            seen += [one["id"] for one in page["Resources"]]
        assert seen == ids
    none = await directory.send("GET", "/Users?count=0")
    assert (none["totalResults"], none.get("Resources", [])) == (5, [])
    assert (await directory.send("GET", "/Users?startIndex=-7&count=1"))["startIndex"] == 1
    assert (await directory.send("GET", "/Users?startIndex=99999"))["itemsPerPage"] == 0


async def test_a_page_has_an_end(directory: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        await directory.add(f"user{number}")
    monkeypatch.setattr(searching, "MOST_LOOKED_THROUGH", 2)
    assert await directory.refused("GET", "/Users?filter=title pr") == (400, "tooMany")
    assert (await directory.send("GET", '/Users?filter=userName eq "user1@example.org"'))["totalResults"] == 1
    assert (await directory.send("GET", "/Users"))["totalResults"] == 3


async def test_sorting(directory: Speaker) -> None:
    await three(directory)
    for order, expected in (("ascending", ["ada", "bob", "Cy"]), ("descending", ["Cy", "bob", "ada"])):
        found = await directory.send("GET", f"/Users?sortBy=userName&sortOrder={order}")
        assert [one["userName"].partition("@")[0] for one in found["Resources"]] == expected


async def test_a_search_may_be_posted(directory: Speaker) -> None:
    await three(directory)
    await directory.group("Ada's")
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": 'displayName sw "ada"'}
    assert (await directory.send("POST", "/Users/.search", body))["totalResults"] == 1
    both = await directory.send("POST", "/.search", body)
    assert sorted(one["meta"]["resourceType"] for one in both["Resources"]) == ["Group", "User"]
    assert (await directory.send("GET", "?filter=title pr"))["totalResults"] == 1


async def test_parts_of_a_resource(directory: Speaker) -> None:
    ada = await directory.add("ada", displayName="Ada", title="Countess")
    shown = await directory.send("GET", f"/Users/{ada}?attributes=displayname")
    assert shown == {"schemas": [USER], "id": ada, "displayName": "Ada"}
    shown = await directory.send("GET", f"/Users/{ada}?excludedAttributes=title,meta")
    assert {"title", "meta"} & set(shown) == set()
    assert shown["displayName"] == "Ada"
    changing = patch({"op": "add", "path": "title", "value": "Lady"})
    assert set(await directory.send("PATCH", f"/Users/{ada}?attributes=title", changing)) == {"schemas", "id", "title"}


async def test_versions(directory: Speaker) -> None:
    ada = await directory.add("ada")
    path = f"/Users/{ada}"
    answer = await directory.http.get(path)
    tag = answer.headers["etag"]
    assert answer.json()["meta"]["version"] == tag
    assert (await directory.http.get(path, headers={"if-none-match": tag})).status_code == 304
    await directory.send("PATCH", path, patch({"op": "add", "path": "title", "value": "x"}), if_match=tag)
    for method, body in (("PATCH", patch({"op": "remove", "path": "title"})), ("PUT", person("ada")), ("DELETE", None)):
        stale = await directory.http.request(method, path, json=body, headers={"if-match": tag})
        assert (stale.status_code, stale.json()["schemas"]) == (412, [ERROR])
    assert (await directory.send("GET", path))["title"] == "x"
    fresh = (await directory.http.get(path)).headers["etag"]
    assert fresh != tag
    # Their groups are shown of them, and are part of what was seen.
    await directory.group("Engineers", ada)
    assert (await directory.http.get(path)).headers["etag"] != fresh
    assert (await directory.http.get(path, headers={"if-none-match": fresh})).status_code == 200
    # They can be edited by who saw them before.
    await directory.send("PATCH", path, patch({"op": "replace", "path": "title", "value": "y"}), if_match=fresh)
    await directory.send("PATCH", path, patch({"op": "replace", "path": "title", "value": "x"}), if_match="*")
    unchanged = await directory.send("PATCH", path, patch({"op": "replace", "path": "title", "value": "x"}))
    assert unchanged["meta"]["version"] == (await directory.http.get(path)).headers["etag"]


async def test_what_it_says_of_itself(directory: Speaker) -> None:
    config = await directory.send("GET", "/ServiceProviderConfig")
    assert {
        name: config[name]["supported"] for name in ("patch", "bulk", "filter", "sort", "etag", "changePassword")
    } == {
        "patch": True,
        "bulk": False,
        "filter": True,
        "sort": True,
        "etag": True,
        "changePassword": False,
    }
    kinds = await directory.send("GET", "/ResourceTypes")
    assert [one["endpoint"] for one in kinds["Resources"]] == ["/Users", "/Groups"]
    schemas = await directory.send("GET", "/Schemas")
    assert {one["id"] for one in schemas["Resources"]} == {USER, GROUP, ENTERPRISE}
    (user,) = [one for one in schemas["Resources"] if one["id"] == USER]
    assert {one["name"] for one in user["attributes"]} == {
        "userName",
        "name",
        "displayName",
        "title",
        "active",
        "emails",
        "groups",
    }
    assert (await directory.send("GET", f"/Schemas/{GROUP}"))["name"]
    assert await directory.refused("GET", "/Schemas/urn:nothing") == (404, None)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/Nothing", 404),
        ("GET", "/Users/x/y", 404),
        ("POST", "/Bulk", 501),
        ("GET", "/Me", 501),
        ("DELETE", "/Users", 405),
        ("PATCH", "/ServiceProviderConfig", 405),
        ("GET", "/Users/dpr_nobody", 404),
    ],
)
async def test_what_is_not_there(directory: Speaker, method: str, path: str, status: int) -> None:
    assert await directory.refused(method, path) == (status, None)


async def test_beside_the_base_is_nothing(directory: Speaker) -> None:
    for path in ("http://headworks/scim/Users", "http://headworks/scim/v3/Users", "http://headworks/scim/v2x"):
        assert await directory.refused("GET", path) == (404, None)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"userName": ', "invalidSyntax"),
        (b"[]", "invalidSyntax"),
        (b"\xff\xfe", "invalidSyntax"),
        (b"", "invalidSyntax"),
        (b'{"schemas": ["%s"]}' % USER.encode(), "invalidValue"),
        (json.dumps({"schemas": [USER], "userName": 7}).encode(), "invalidValue"),
        (json.dumps({"schemas": [USER], "userName": ""}).encode(), "invalidValue"),
        (json.dumps({"schemas": [USER], "userName": "no address"}).encode(), "invalidValue"),
        (json.dumps(person("a" * 300)).encode(), "invalidValue"),
        (json.dumps({"schemas": [USER], "userName": "a\x00b@example.org"}).encode(), "invalidValue"),
        (json.dumps(person("a", externalId="\u202e")).encode(), "invalidValue"),
        (json.dumps(person("a", externalId="x" * 300)).encode(), "invalidValue"),
        (json.dumps(person("a", active="perhaps")).encode(), "invalidValue"),
        (json.dumps(person("a", emails="a@example.org")).encode(), "invalidValue"),
        (
            b'{"schemas": ["%s"], "userName": "a@example.org", "name": %s}' % (USER.encode(), b"[" * 100_000),
            "invalidSyntax",
        ),
    ],
)
async def test_users_that_make_no_sense(directory: Speaker, body: bytes, kind: str) -> None:
    answer = await directory.http.post("/Users", content=body, headers={"content-type": "application/scim+json"})
    assert (answer.status_code, answer.json().get("scimType")) == (400, kind), answer.text
    assert await directory.roles() == {"founder": "admin"}


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ({"op": "explode", "path": "title"}, "invalidValue"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "replace", "path": "emails[", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "userName", "value": None}, "mutability"),
        ({"op": "replace", "path": "id", "value": "dpr_other"}, "mutability"),
        ({"op": "add", "path": "groups", "value": [{"value": "dgr_x"}]}, "mutability"),
        ({"op": "replace", "path": "active", "value": {"a": 1}}, "invalidValue"),
        ({"op": "replace", "path": f"emails[{'(' * 5_000}type pr{')' * 5_000}].value", "value": "x"}, None),
    ],
)
async def test_changes_that_make_no_sense(directory: Speaker, operation: dict[str, Any], kind: str | None) -> None:
    ada = await directory.add("ada")
    before = await directory.send("GET", f"/Users/{ada}")
    status, found = await directory.refused("PATCH", f"/Users/{ada}", patch(operation))
    assert (status, found if kind else None) == (400, kind)
    assert await directory.send("GET", f"/Users/{ada}") == before


async def test_one_operation_that_fails_takes_the_others_with_it(directory: Speaker) -> None:
    ada = await directory.add("ada")
    good, bad = {"op": "add", "path": "title", "value": "x"}, {"op": "remove", "path": "userName"}
    assert await directory.refused("PATCH", f"/Users/{ada}", patch(good, bad)) == (400, "mutability")
    assert "title" not in await directory.send("GET", f"/Users/{ada}")


@pytest.mark.parametrize(
    "filtered",
    ["not (" * 400 + "title pr" + ")" * 400, "(" * 100_000 + "title pr" + ")" * 100_000],
    ids=["deep", "long"],
)
async def test_a_filter_has_an_end(directory: Speaker, filtered: str) -> None:
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filtered}
    answer = await directory.http.post("/Users/.search", json=body)
    assert (answer.status_code, answer.json()["schemas"]) in ((200, [LIST]), (400, [ERROR]))
    if len(filtered) > LONGEST_FILTER:
        assert answer.json()["scimType"] == "invalidFilter"


async def test_bodies_have_a_limit_and_a_kind(directory: Speaker) -> None:
    ada = await directory.add("ada")
    for content in ("text/plain", "application/x-www-form-urlencoded"):
        answer = await directory.http.post("/Users", content=b"{}", headers={"content-type": content})
        assert (answer.status_code, answer.json()["schemas"]) == (415, [ERROR])
    assert (await directory.send("GET", f"/Users/{ada}"))["id"] == ada


async def test_a_body_that_is_too_long(directory: Speaker, surrounded: httpx.AsyncClient) -> None:
    body = b'{"userName": "' + b"a" * BODY_LIMIT_BYTES + b'"}'
    answer = await surrounded.post("/Users", content=body, headers={"content-type": "application/scim+json"})
    assert (answer.status_code, answer.json()["schemas"]) == (413, [ERROR])


@pytest.fixture
async def surrounded(directory: Speaker) -> httpx.AsyncClient:
    """With what surrounds every management request."""
    from headworks.kernel.telemetry.metrics import HttpMetrics, Metrics  # noqa: PLC0415 - for this one
    from headworks.kernel.web import Surroundings  # noqa: PLC0415

    transport = directory.http._transport
    assert isinstance(transport, httpx.ASGITransport)
    app: Any = transport.app
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(Surroundings(app, HttpMetrics(Metrics()))),
        base_url="http://headworks/scim/v2",
        headers=directory.http.headers,
    )
