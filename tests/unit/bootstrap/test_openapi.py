from __future__ import annotations

import json
from typing import Any

from headworks.bootstrap.openapi import DOCUMENT, document_text
from tests.architecture.test_routes import PUBLIC

DESCRIPTION: dict[str, Any] = json.loads(document_text())
OPERATIONS = [
    (method, path, operation) for path, methods in DESCRIPTION["paths"].items() for method, operation in methods.items()
]


def test_the_committed_description_is_current() -> None:
    """When it is not: python -m headworks.bootstrap.openapi."""
    assert DOCUMENT.read_text(encoding="utf-8") == document_text()


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names)


def test_every_operation_says_what_it_does_and_how_it_fails() -> None:
    for method, path, operation in OPERATIONS:
        assert operation["summary"], (method, path)
        assert operation["description"], (method, path)
        assert operation["responses"]["default"]["content"].keys() == {"application/problem+json"}, (method, path)
        assert "422" not in operation["responses"], (method, path)


def test_every_management_operation_names_its_permission() -> None:
    for method, path, operation in OPERATIONS:
        if path.startswith("/api/") and path not in PUBLIC:
            assert operation["x-permission"], (method, path)
            assert operation["security"] == [{"managementKey": []}, {"accessToken": []}, {"sessionCookie": []}], path
        else:
            assert operation.get("security") is None or {} in operation["security"], (method, path)


def test_no_reference_leads_nowhere() -> None:
    text = json.dumps(DESCRIPTION)
    for schema in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert schema in DESCRIPTION["components"]["schemas"]
