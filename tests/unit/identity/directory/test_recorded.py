"""Requests as directories document them, written by us after their public pages:

- Microsoft Entra ID, "Develop and plan provisioning for a SCIM endpoint" and "Known issues and resolutions with SCIM 2.0 protocol
  compliance" (learn.microsoft.com/entra/identity/app-provisioning), with and without its flag `aadOptscim062020`;
- Okta, "Okta and SCIM Version 2.0" (developer.okta.com/docs/api/openapi/okta-scim/guides/scim-20).
"""

from __future__ import annotations

import pytest

from tests.unit.identity.directory.conftest import ENTERPRISE, GROUP, LIST, USER, Json, Speaker, patch

pytestmark = pytest.mark.parametrize("store", ["memory"], indirect=True)
"""What is said does not depend on where it is kept: `test_storage` holds both stores to the same rules."""

ENTRA_USER: Json = {
    "schemas": [USER, ENTERPRISE],
    "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
    "userName": "ada@contoso.example",
    "active": True,
    "emails": [{"primary": True, "type": "work", "value": "ada@contoso.example"}],
    "meta": {"resourceType": "User"},
    "name": {"formatted": "Ada Lovelace", "familyName": "Lovelace", "givenName": "Ada"},
    "roles": [],
}
ENTRA_GROUP: Json = {
    "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
    "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
    "displayName": "Engineers",
    "meta": {"resourceType": "Group"},
}
OKTA_USER: Json = {
    "schemas": [USER],
    "userName": "test.user@okta.example",
    "name": {"givenName": "Test", "familyName": "User"},
    "emails": [{"primary": True, "value": "test.user@okta.example", "type": "work"}],
    "displayName": "Test User",
    "locale": "en-US",
    "externalId": "00ujl29u0le5T6Aj10h7",
    "groups": [],
    "password": "1mz050nq",
    "active": True,
}


class TestEntra:
    async def test_it_looks_for_a_user_and_makes_them(self, directory: Speaker) -> None:
        looked = await directory.send("GET", '/Users?filter=userName eq "ada@contoso.example"')
        assert (looked["schemas"], looked["totalResults"], looked["itemsPerPage"]) == ([LIST], 0, 0)
        made = await directory.send("POST", "/Users", ENTRA_USER, 201)
        assert (made["externalId"], made["userName"]) == (ENTRA_USER["externalId"], ENTRA_USER["userName"])
        assert made["name"] == ENTRA_USER["name"]
        assert made["emails"] == ENTRA_USER["emails"]
        (found,) = await directory.found('externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"')
        assert found == made
        (found,) = await directory.found('emails[type eq "work"].value eq "ada@contoso.example"')
        assert found["id"] == made["id"]

    @pytest.mark.parametrize(
        "operations",
        [
            [
                {"op": "Replace", "path": "displayName", "value": "Pvlo"},
                {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "new@contoso.example"},
                {"op": "Replace", "path": "name.givenName", "value": "Gtfd"},
                {"op": "Replace", "path": "externalId", "value": "Eqpj"},
                {"op": "Replace", "path": f"{ENTERPRISE}:employeeNumber", "value": "42"},
                {"op": "Add", "path": "nickName", "value": "Babs"},
                {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "2819c223"},
                {"op": "Add", "path": 'phoneNumbers[type eq "work"].value', "value": "+49 1"},
            ],
            [
                {"op": "replace", "path": 'emails[type eq "work"].value', "value": "new@contoso.example"},
                {
                    "op": "replace",
                    "value": {
                        "displayName": "Pvlo",
                        "name.givenName": "Gtfd",
                        "externalId": "Eqpj",
                        f"{ENTERPRISE}:employeeNumber": "42",
                        "nickName": "Babs",
                        f"{ENTERPRISE}:manager": "2819c223",
                    },
                },
            ],
        ],
        ids=["without the flag", "with the flag"],
    )
    async def test_it_changes_them(self, directory: Speaker, operations: list[Json]) -> None:
        ada = (await directory.send("POST", "/Users", ENTRA_USER, 201))["id"]
        changed = await directory.send("PATCH", f"/Users/{ada}", patch(*operations))
        assert (changed["displayName"], changed["externalId"]) == ("Pvlo", "Eqpj")
        assert changed["name"] == {"formatted": "Ada Lovelace", "familyName": "Lovelace", "givenName": "Gtfd"}
        assert changed["emails"] == [{"primary": True, "type": "work", "value": "new@contoso.example"}]
        assert changed[ENTERPRISE] == {"employeeNumber": "42"}
        assert "nickName" not in changed
        assert set(await directory.roles()) == {"founder", "new"}

    async def test_it_gives_an_address_to_who_had_none(self, directory: Speaker) -> None:
        bare = {**ENTRA_USER, "emails": []}
        ada = (await directory.send("POST", "/Users", bare, 201))["id"]
        operation = {"op": "Add", "path": 'emails[type eq "work"].value', "value": "mail@contoso.example"}
        changed = await directory.send("PATCH", f"/Users/{ada}", patch(operation))
        assert changed["emails"] == [{"type": "work", "value": "mail@contoso.example"}]

    @pytest.mark.parametrize("off", ["False", "false", False])
    async def test_it_disables_them(self, directory: Speaker, off: object) -> None:
        ada = (await directory.send("POST", "/Users", ENTRA_USER, 201))["id"]
        answered = await directory.send(
            "PATCH", f"/Users/{ada}", patch({"op": "Replace", "path": "active", "value": off})
        )
        assert answered["active"] is False
        assert set(await directory.roles()) == {"founder"}
        await directory.send("PATCH", f"/Users/{ada}", patch({"op": "Replace", "path": "active", "value": "True"}))
        assert set(await directory.roles()) == {"founder", "ada"}

    async def test_it_makes_groups_and_fills_them(self, directory: Speaker) -> None:
        ada = (await directory.send("POST", "/Users", ENTRA_USER, 201))["id"]
        group = await directory.send("POST", "/Groups", ENTRA_GROUP, 201)
        assert (group["displayName"], group["externalId"]) == ("Engineers", ENTRA_GROUP["externalId"])
        path = f"/Groups/{group['id']}"
        adding = {"op": "Add", "path": "members", "value": [{"$ref": None, "value": ada}]}
        await directory.send("PATCH", path, patch(adding), 204)
        shown = await directory.send("GET", path)
        assert [one["value"] for one in shown["members"]] == [ada]
        assert "members" not in await directory.send("GET", f"{path}?excludedAttributes=members")
        listed = await directory.send("GET", '/Groups?excludedAttributes=members&filter=displayName eq "Engineers"')
        assert [("members" in one, one["id"]) for one in listed["Resources"]] == [(False, group["id"])]
        is_in = f'id eq "{group["id"]}" and members eq "{ada}"'
        assert [one["id"] for one in await directory.found(is_in, "Groups")] == [group["id"]]
        assert await directory.found(f'id eq "{group["id"]}" and members eq "dpr_x"', "Groups") == []
        await directory.send("PATCH", path, patch({"op": "Replace", "path": "displayName", "value": "Makers"}), 204)
        assert (await directory.send("GET", path))["displayName"] == "Makers"

    @pytest.mark.parametrize("flag", [False, True])
    async def test_it_takes_one_member_out(self, directory: Speaker, *, flag: bool) -> None:
        ada, bob = await directory.add("ada"), await directory.add("bob")
        group = await directory.group("Engineers", ada, bob)
        plain = {"op": "Remove", "path": "members", "value": [{"value": ada}]}
        operation = {"op": "remove", "path": f'members[value eq "{ada}"]'} if flag else plain
        await directory.send("PATCH", f"/Groups/{group}", patch(operation), 204)
        assert [one["value"] for one in (await directory.send("GET", f"/Groups/{group}"))["members"]] == [bob]

    async def test_the_flag_itself_is_in_its_addresses(self, directory: Speaker) -> None:
        await directory.send("GET", '/Users?aadOptscim062020&filter=userName eq "x"')


class TestOkta:
    async def test_it_tries_the_connection(self, directory: Speaker) -> None:
        await directory.add("ada")
        for path in ("/Users?startIndex=1&count=2", "/Groups?count=100&startIndex=1"):
            listed = await directory.send("GET", path, accept="application/scim+json")
            assert (listed["schemas"], listed["startIndex"]) == ([LIST], 1)

    async def test_it_looks_for_a_user_and_makes_them(self, directory: Speaker) -> None:
        path = '/Users?filter=userName eq "test.user@okta.example"&startIndex=1&count=100'
        assert (await directory.send("GET", path))["totalResults"] == 0
        made = await directory.send("POST", "/Users", OKTA_USER, 201)
        assert made["active"] is True
        assert "password" not in made
        (found,) = (await directory.send("GET", path))["Resources"]
        assert found == made
        assert await directory.refused("POST", "/Users", OKTA_USER) == (409, "uniqueness")

    async def test_it_replaces_them_whole(self, directory: Speaker) -> None:
        made = await directory.send("POST", "/Users", OKTA_USER, 201)
        body = {**made, "name": {"givenName": "Another", "familyName": "User"}, "groups": [], "password": "x"}
        changed = await directory.send("PUT", f"/Users/{made['id']}", body)
        assert (changed["name"]["givenName"], changed["id"]) == ("Another", made["id"])
        assert changed["meta"]["version"] != made["meta"]["version"]

    async def test_it_deactivates_them(self, directory: Speaker) -> None:
        made = await directory.send("POST", "/Users", OKTA_USER, 201)
        answered = await directory.send(
            "PATCH", f"/Users/{made['id']}", patch({"op": "replace", "value": {"active": False}})
        )
        assert answered["active"] is False
        assert set(await directory.roles()) == {"founder"}

    async def test_it_pushes_groups(self, directory: Speaker) -> None:
        ada = await directory.add("ada")
        body = {"schemas": [GROUP], "displayName": "Test SCIMv2", "members": []}
        group = (await directory.send("POST", "/Groups", body, 201))["id"]
        renaming = {"op": "replace", "value": {"id": group, "displayName": "Test SCIMv2 again"}}
        await directory.send("PATCH", f"/Groups/{group}", patch(renaming), 204)
        member = {"value": ada, "display": "ada@example.org"}
        await directory.send(
            "PATCH", f"/Groups/{group}", patch({"op": "add", "path": "members", "value": [member]}), 204
        )
        shown = await directory.send("GET", f"/Groups/{group}")
        assert (shown["displayName"], [one["value"] for one in shown["members"]]) == ("Test SCIMv2 again", [ada])
        assert [one["value"] for one in (await directory.send("GET", f"/Users/{ada}"))["groups"]] == [group]
        whole = {"schemas": [GROUP], "id": group, "displayName": "Test SCIMv2", "members": []}
        await directory.send("PUT", f"/Groups/{group}", whole)
        removing = {"op": "remove", "path": f'members[value eq "{ada}"]'}
        await directory.send("PATCH", f"/Groups/{group}", patch(removing), 204)
        await directory.send("DELETE", f"/Groups/{group}", status=204)
        assert await directory.refused("GET", f"/Groups/{group}") == (404, None)
