"""Writes src/headworks/client from docs/reference/openapi.json: a type for each schema, a method for each operation.

openapi-python-client (0.29) was tried: 210 files with 28,588 lines, attrs and dateutil at run time, and enumerations that refuse a
value which a newer server has. These are two files of types that cost nothing when they are not checked.
"""

from __future__ import annotations

import json
import keyword
import re
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    Json = dict[str, Any]

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "reference" / "openapi.json"
FOLDER = ROOT / "src" / "headworks" / "client"
PREFIX = "/api/v1"

_HEAD = '''"""{what} Written by `make client` from docs/reference/openapi.json; do not change it by hand."""

from __future__ import annotations

'''
_WIDTH = 112
_METHODS = ("get", "post", "put", "patch", "delete")
_PRIMITIVES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_PAGES = re.compile(r"(?:Large)?(?:Page|Cursor)Envelope_(\w+)_")
_ONE = re.compile(r"Envelope_(\w+)_")


def files(document: Json) -> dict[str, str]:
    """What the folder holds, by file name."""
    return {"shapes.py": "".join(_shapes(document)), "api.py": "".join(_api(document))}


def _shapes(document: Json) -> Iterator[str]:
    yield _HEAD.format(what="What the management API takes and shows.")
    yield 'from typing import Any, Generic, Literal, NotRequired, TypedDict, TypeVar\n\nT = TypeVar("T")\n'
    yield '\n\nclass Page(TypedDict, Generic[T]):\n    """One page of a list."""\n\n'
    yield "    data: list[T]\n    meta: dict[str, Any]\n    links: Links\n"
    for name, schema in sorted(document["components"]["schemas"].items()):
        if "properties" in schema and not _is_envelope(name):
            yield _class(name, schema)


def _class(name: str, schema: Json) -> str:
    lines = [f"\n\nclass {name}(TypedDict):", *_docstring(schema.get("description", f"{name}."), 4), ""]
    needed = set(schema.get("required", ()))
    for field, value in schema["properties"].items():
        # What an answer holds is there always; what a request may leave out has a default.
        lines.append(f"    {field}: {_type(value) if field in needed else f'NotRequired[{_type(value)}]'}")
    return "\n".join(lines) + "\n"


def _api(document: Json) -> Iterator[str]:
    yield _HEAD.format(what="Every operation of the management API.")
    yield "from typing import TYPE_CHECKING, Any, Literal, cast\n\nfrom headworks.client.transport import Transport, filled\n\n"
    yield "if TYPE_CHECKING:\n    from headworks.client import shapes\n    from headworks.client.shapes import Page\n\n\nclass Api:\n"
    yield '    """A method for each operation; it returns the answer\'s `data`, and a whole page of a list."""\n\n'
    yield "    def __init__(self, transport: Transport) -> None:\n        self._transport = transport\n"
    for path, operations in sorted(document["paths"].items()):
        for method in (name for name in _METHODS if name in operations and path.startswith(PREFIX)):
            # What only ever leads elsewhere is for browsers.
            if any(status.startswith("2") for status in operations[method]["responses"]):
                yield _method(path.removeprefix(PREFIX), method, operations[method])


def _method(path: str, method: str, operation: Json) -> str:
    parameters = operation.get("parameters", ())
    places = [one for one in parameters if one["in"] == "path"]
    given = {kind: [one for one in parameters if one["in"] == kind] for kind in ("query", "header")}
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    arguments = ["self", *(f"{_name(one['name'])}: str" for one in places)]
    arguments += [f"body: {_type(body, 'shapes.')}"] if body else []
    options = [
        f"{_name(one['name'])}: {_type(one['schema'], 'shapes.')} | None = None"
        for one in (*given["query"], *given["header"])
    ]
    arguments += ["*", *options] if options else []
    returns, unpacked = _returns(operation["responses"])
    values = "".join(f", {_name(one['name'])}" for one in places)
    values += ", slashes=True" if any(one.get("x-slashes") for one in places) else ""
    call = [f'"{method.upper()}"', f'filled("{path}"{values})' if places else f'"{path}"']
    for kind, found in given.items():
        if found:
            entries = ", ".join(f'"{one["name"]}": {_name(one["name"])}' for one in found)
            call.append(f"{kind}={{{entries}}}")
    call += ["body=body"] if body else []
    sent = f"self._transport.send({', '.join(call)})"
    lines = ["", f"    def {operation['operationId']}({', '.join(arguments)}) -> {returns}:"]
    lines += _docstring(operation.get("description") or operation["summary"], 8)
    if returns == "None":
        lines.append(f"        {sent}")
    else:
        picked = '["data"]' if unpacked else ""
        lines.append(f'        return cast("{returns}", {sent}{picked})')
    return "\n".join(lines) + "\n"


def _returns(responses: Json) -> tuple[str, bool]:
    """The type of a good answer, and whether it is what `data` holds."""
    (good,) = (answer for status, answer in responses.items() if status.startswith("2"))
    reference = good.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref")
    if reference is None:
        return "None", False
    name = reference.rpartition("/")[2]
    if page := _PAGES.fullmatch(name):
        return f"Page[shapes.{page[1]}]", False
    if one := _ONE.fullmatch(name):
        inner = re.fullmatch(r"list_(\w+)_", one[1])
        return (f"list[shapes.{inner[1]}]" if inner else f"shapes.{one[1]}"), True
    return f"shapes.{name}", False


def _type(schema: Json, home: str = "") -> str:
    if "$ref" in schema:
        return home + str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(choice, home) for choice in schema["anyOf"]))
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if values is not None:
        return f"Literal[{', '.join(json.dumps(value) for value in values)}]"
    kind = schema.get("type")
    if kind == "array":
        return f"list[{_type(schema.get('items', {}), home)}]"
    if kind == "object":
        return "dict[str, Any]"
    return _PRIMITIVES.get(str(kind), "Any")


def _is_envelope(name: str) -> bool:
    return bool(_PAGES.fullmatch(name) or _ONE.fullmatch(name))


def _name(name: str) -> str:
    plain = re.sub(r"\W", "_", name).lower()
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def _docstring(text: str, indent: int) -> list[str]:
    margin = " " * indent
    first, *rest = textwrap.wrap(text.strip().replace("\\", "\\\\"), _WIDTH - indent)
    lines = [f'{margin}"""{first}', *(f"{margin}{line}" for line in rest)]
    return [*lines[:-1], f'{lines[-1]}"""'] if not rest else [*lines, f'{margin}"""']


def main() -> int:
    """Write them; with `--check` fail when they are out of date."""
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    stale = []
    for name, text in files(document).items():
        place = FOLDER / name
        if "--check" not in sys.argv:
            place.write_text(text, encoding="utf-8")
        elif not place.exists() or place.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        print(f"out of date: {', '.join(stale)}; run: make client")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
