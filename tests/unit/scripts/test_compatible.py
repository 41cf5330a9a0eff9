"""What would break a client of the API is found, and what would not is let through."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from scripts import compatible
from scripts.compatible import breaks

from headworks.bootstrap.openapi import DOCUMENT

Json = dict[str, Any]
DESCRIPTION: Json = json.loads(DOCUMENT.read_text(encoding="utf-8"))


def schemas(document: Json) -> Json:
    found: Json = document["components"]["schemas"]
    return found


def operation(document: Json, method: str, path: str) -> Json:
    found: Json = document["paths"][path][method]
    return found


def parameter(document: Json, method: str, path: str, name: str) -> Json:
    (found,) = (one for one in operation(document, method, path)["parameters"] if one["name"] == name)
    result: Json = found
    return result


def remove_path(document: Json) -> None:
    del document["paths"]["/api/v1/keys/bulk"]


def remove_method(document: Json) -> None:
    del document["paths"]["/api/v1/keys/{key_id}"]["patch"]


def rename_operation(document: Json) -> None:
    operation(document, "get", "/api/v1/keys")["operationId"] = "keys_list"


def ask_for_more_rights(document: Json) -> None:
    operation(document, "get", "/api/v1/keys")["x-permission"] = "keys:write"


def remove_parameter(document: Json) -> None:
    operation(document, "get", "/api/v1/keys")["parameters"].remove(
        parameter(document, "get", "/api/v1/keys", "owner_id")
    )


def need_a_parameter(document: Json) -> None:
    parameter(document, "patch", "/api/v1/keys/{key_id}", "If-Match")["required"] = True


def lower_a_limit(document: Json) -> None:
    parameter(document, "get", "/api/v1/keys", "per_page")["schema"]["maximum"] = 100


def take_a_value_away(document: Json) -> None:
    schemas(document)["NewKeyBody"]["properties"]["kind"]["enum"].remove("management")


def forget_a_field(document: Json) -> None:
    del schemas(document)["NewKeyBody"]["properties"]["sha256"]


def need_a_field(document: Json) -> None:
    schemas(document)["NewKeyBody"]["required"].append("project_id")


def want_another_type(document: Json) -> None:
    schemas(document)["NewKeyBody"]["properties"]["name"]["type"] = "integer"


def refuse_null(document: Json) -> None:
    field = schemas(document)["KeyChangeBody"]["properties"]["expires_at"]
    field["anyOf"] = [choice for choice in field["anyOf"] if choice.get("type") != "null"]


def show_less(document: Json) -> None:
    shown = schemas(document)["KeyOut"]
    shown["required"].remove("last4")
    del shown["properties"]["last4"]


def show_null(document: Json) -> None:
    shown = schemas(document)["KeyOut"]["properties"]
    shown["name"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}


def show_another_type(document: Json) -> None:
    schemas(document)["RatesOut"]["properties"]["input"]["type"] = "number"


def answer_another_status(document: Json) -> None:
    responses = operation(document, "post", "/api/v1/keys")["responses"]
    responses["200"] = responses.pop("201")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (remove_path, "POST /api/v1/keys/bulk: is gone"),
        (remove_method, "PATCH /api/v1/keys/{key_id}: is gone"),
        (rename_operation, "operationId was 'list_keys' and is 'keys_list'"),
        (ask_for_more_rights, "x-permission was 'keys:read' and is 'keys:write'"),
        (remove_parameter, "the parameter query.owner_id is gone"),
        (need_a_parameter, "the parameter header.If-Match is needed now"),
        (lower_a_limit, "maximum was 200 and is 100"),
        (take_a_value_away, "management is not among the values any more"),
        (forget_a_field, "body.sha256: is not known any more"),
        (need_a_field, "body.project_id: may be missing on one side, and is needed on the other"),
        (want_another_type, "body.name: string is no integer"),
        (refuse_null, "body.expires_at: null is no string"),
        (show_less, "last4: may be missing on one side, and is needed on the other"),
        (show_null, "name: null is no string"),
        (show_another_type, "is no integer"),
        (answer_another_status, "does not answer 201 any more"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_breaks_a_client_is_named(change: Callable[[Json], None], said: str) -> None:
    current = copy.deepcopy(DESCRIPTION)
    change(current)
    lines = list(breaks(DESCRIPTION, current))
    assert any(said in line for line in lines), lines


def add_path(document: Json) -> None:
    document["paths"]["/api/v1/news"] = document["paths"]["/api/v1/status"]


def add_parameter(document: Json) -> None:
    more = {"name": "more", "in": "query", "required": False, "schema": {"type": "string"}}
    operation(document, "get", "/api/v1/keys")["parameters"].append(more)


def take_another_field(document: Json) -> None:
    schemas(document)["NewKeyBody"]["properties"]["colour"] = {"type": "string"}


def take_another_value(document: Json) -> None:
    schemas(document)["NewKeyBody"]["properties"]["kind"]["enum"].append("both")


def show_more(document: Json) -> None:
    schemas(document)["KeyOut"]["properties"]["colour"] = {"type": "string"}
    schemas(document)["KeyOut"]["required"].append("colour")


def show_another_value(document: Json) -> None:
    schemas(document)["KeyOut"]["properties"]["state"]["enum"].append("asleep")


def raise_a_limit(document: Json) -> None:
    parameter(document, "get", "/api/v1/keys", "per_page")["schema"]["maximum"] = 1000


def say_it_better(document: Json) -> None:
    operation(document, "get", "/api/v1/keys")["description"] = "Keys."


@pytest.mark.parametrize(
    "change",
    [
        add_path,
        add_parameter,
        take_another_field,
        take_another_value,
        show_more,
        show_another_value,
        raise_a_limit,
        say_it_better,
    ],
    ids=lambda value: value.__name__,
)
def test_what_only_adds_breaks_nothing(change: Callable[[Json], None]) -> None:
    current = copy.deepcopy(DESCRIPTION)
    change(current)
    assert current != DESCRIPTION
    assert list(breaks(DESCRIPTION, current)) == []


def test_a_break_is_let_through_when_it_is_announced(
    tmp_path: Any,  # noqa: ANN401 - pytest's
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    current = copy.deepcopy(DESCRIPTION)
    remove_path(current)
    for name, document in (("RELEASED", DESCRIPTION), ("CURRENT", current)):
        (tmp_path / name).write_text(json.dumps(document))
        monkeypatch.setattr(compatible, name, tmp_path / name)
    monkeypatch.setattr(compatible, "CHANGES", tmp_path)
    assert compatible.main() == 1
    assert "breaks a client: POST /api/v1/keys/bulk: is gone" in capsys.readouterr().out
    (tmp_path / "keys.breaking.md").write_text("Keys are made one by one.")
    assert compatible.main() == 0
    assert "announced: POST /api/v1/keys/bulk: is gone" in capsys.readouterr().out
