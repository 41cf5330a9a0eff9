from __future__ import annotations

import json
from typing import Any

from headworks.bootstrap.openapi import DOCUMENT, document_text
from headworks.kernel.web import Problem
from tests.architecture.test_routes import PUBLIC

DESCRIPTION: dict[str, Any] = json.loads(document_text())
OPERATIONS = [
    (method, path, operation) for path, methods in DESCRIPTION["paths"].items() for method, operation in methods.items()
]


def test_the_committed_description_is_current() -> None:
    """When it is not: python -m headworks.bootstrap.openapi."""
    assert DOCUMENT.read_text(encoding="utf-8") == document_text()


REPEATABLE = {
    "/api/v1/gateways/{gateway_id}/drain",
    "/api/v1/gateways/{gateway_id}/undrain",
    "/api/v1/usage-rebuilds",
    "/api/v1/usage-events/export",
    "/api/v1/usage/export",
    "/api/v1/users/{user_id}/password-reset",
    "/api/v1/users/{user_id}/second-factor-reset",
    "/api/v1/auth/logout",
    "/api/v1/auth/password",
    "/api/v1/auth/switch",
    "/api/v1/auth/totp",
    "/api/v1/auth/totp/confirm",
    "/api/v1/auth/totp/recovery-codes",
    "/api/v1/auth/totp/remove",
    "/api/v1/keyring/rotations",
    "/api/v1/dead-letter-replays",
}
"""Whose answers are not kept: they hold tokens or codes that should not lie around, or doing it again does no harm."""


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names)


def test_every_operation_says_what_it_does_and_how_it_fails() -> None:
    for method, path, operation in OPERATIONS:
        assert operation["summary"], (method, path)
        assert operation["description"], (method, path)
        assert "default" not in operation["responses"], (method, path)
        if "x-permission" in operation and path.startswith("/api/"):
            assert {"401", "403", "406", "422", "500", "503"} <= operation["responses"].keys(), (method, path)


def test_every_error_has_an_example_that_is_one() -> None:
    for method, path, operation in OPERATIONS:
        for status, response in operation["responses"].items():
            for media_type, content in response.get("content", {}).items():
                if media_type != "application/problem+json":
                    continue
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert content["examples"], (method, path, status)
                for code, example in content["examples"].items():
                    shown = Problem.model_validate(DESCRIPTION["components"]["examples"][code]["value"])
                    assert example == {"$ref": f"#/components/examples/{code}"}
                    assert (shown.error.code, str(shown.status)) == (code, status)
                    assert shown.detail, (method, path, code)


def test_what_can_be_edited_brings_its_tag() -> None:
    editable = {path for method, path, _ in OPERATIONS if method == "patch"}
    for method, path, operation in OPERATIONS:
        if path in editable and method in ("get", "patch"):
            assert "ETag" in operation["responses"]["200"]["headers"], (method, path)
        if path in editable and method == "get":
            assert "304" in operation["responses"], path
        if path in editable and method in ("patch", "delete"):
            assert {"412", "428"} <= operation["responses"].keys(), (method, path)


def test_every_post_of_a_caller_can_be_repeated() -> None:
    for method, path, operation in OPERATIONS:
        names = [parameter["name"] for parameter in operation.get("parameters", ())]
        is_kept = method == "post" and "x-permission" in operation and path not in REPEATABLE
        assert ("Idempotency-Key" in names) is is_kept, (method, path)


def test_every_management_operation_names_its_permission() -> None:
    for method, path, operation in OPERATIONS:
        if path.startswith("/api/") and path not in PUBLIC:
            assert operation["x-permission"], (method, path)
            assert operation["security"] == [
                {"managementKey": []},
                {"accessToken": []},
                {"sessionCookie": []},
                {"signature": []},
            ], path
        else:
            assert operation.get("security") is None or {} in operation["security"], (method, path)


def test_no_reference_leads_nowhere() -> None:
    text = json.dumps(DESCRIPTION)
    for schema in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert schema in DESCRIPTION["components"]["schemas"]
