"""Compares the description of the API with the last released one, and fails on what would break a client of it.

A request that was right must stay right, and an answer must hold what it held: that is one relation between schemas, asked in
either direction. Enumerations in answers may grow, to any value in the end: clients are told to expect values that they do not know.
What is meant to break is said in `changes/<topic>.breaking.md`, and then let through. The tools that do this are written in Go or
fetch a binary when they are installed; this needs nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    Json = dict[str, Any]

ROOT = Path(__file__).parents[1]
CURRENT = ROOT / "docs" / "reference" / "openapi.json"
RELEASED = ROOT / "docs" / "reference" / "openapi.released.json"
CHANGES = ROOT / "changes"

_METHODS = ("get", "post", "put", "patch", "delete")
_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_EXACT = ("pattern", "format", "const")


def main() -> int:
    """The exit status: 1 when something breaks that no fragment announces."""
    released, current = (json.loads(path.read_text(encoding="utf-8")) for path in (RELEASED, CURRENT))
    broken = list(breaks(released, current))
    announced = sorted(path.name for path in CHANGES.glob("*.breaking.md"))
    for line in broken:
        print(f"{'announced' if announced else 'breaks a client'}: {line}")
    if broken and not announced:
        print(
            f"{len(broken)} changes would break clients. Undo them, or say what changes in changes/<topic>.breaking.md."
        )
        return 1
    return 0


def breaks(released: Json, current: Json) -> Iterator[str]:
    """What a client of `released` would trip over in `current`, a line each."""
    for path, operations in released["paths"].items():
        for method in (name for name in _METHODS if name in operations):
            name = f"{method.upper()} {path}"
            after = current["paths"].get(path, {}).get(method)
            if after is None:
                yield f"{name}: is gone"
            else:
                yield from _Operation(name, released, current).compare(operations[method], after)


class _Operation:
    """One operation, before and after."""

    def __init__(self, name: str, released: Json, current: Json) -> None:
        self._name = name
        self._released = released
        self._current = current

    def compare(self, before: Json, after: Json) -> Iterator[str]:
        for field in ("operationId", "x-permission"):
            if before.get(field) != after.get(field):
                yield f"{self._name}: {field} was {before.get(field)!r} and is {after.get(field)!r}"
        yield from self._parameters(before, after)
        yield from self._body(before.get("requestBody"), after.get("requestBody"))
        yield from self._answers(before["responses"], after["responses"])

    def _parameters(self, before: Json, after: Json) -> Iterator[str]:
        was, is_ = (_by_place(operation) for operation in (before, after))
        for place, parameter in was.items():
            if place not in is_:
                yield f"{self._name}: the parameter {place} is gone"
                continue
            yield from self._takes(f"parameter {place}", parameter["schema"], is_[place]["schema"])
        for place, parameter in is_.items():
            if parameter.get("required") and not was.get(place, {}).get("required"):
                yield f"{self._name}: the parameter {place} is needed now"

    def _body(self, before: Json | None, after: Json | None) -> Iterator[str]:
        if before is None or after is None:
            if before is not None or (after or {}).get("required"):
                yield f"{self._name}: the body is {'gone' if after is None else 'needed now'}"
            return
        if after.get("required") and not before.get("required"):
            yield f"{self._name}: the body is needed now"
        for media_type, content in before["content"].items():
            if media_type not in after["content"]:
                yield f"{self._name}: {media_type} is not taken any more"
            else:
                yield from self._takes("body", content["schema"], after["content"][media_type]["schema"])

    def _answers(self, before: Json, after: Json) -> Iterator[str]:
        for status in (status for status in before if status.startswith("2")):
            if status not in after:
                yield f"{self._name}: does not answer {status} any more"
                continue
            for media_type, content in before[status].get("content", {}).items():
                there = after[status].get("content", {}).get(media_type)
                if there is None:
                    yield f"{self._name}: {status} is not {media_type} any more"
                elif "schema" in content and "schema" in there:
                    schemas = Schemas(self._current, self._released, enums_may_grow=True)
                    for why in schemas.misfits(there["schema"], content["schema"], "data"):
                        yield f"{self._name}: answer {status}: {why}"

    def _takes(self, what: str, before: Json, after: Json) -> Iterator[str]:
        for why in Schemas(self._released, self._current).misfits(before, after, what):
            yield f"{self._name}: {why}"


class Schemas:
    """Whether every value of one schema is a value of another. In doubt it is not."""

    def __init__(self, narrow: Json, wide: Json, *, enums_may_grow: bool = False) -> None:
        """The documents that references of the narrow and of the wide schema lead into."""
        self._documents = (narrow, wide)
        self._enums_may_grow = enums_may_grow
        self._seen: set[tuple[str, str]] = set()

    def misfits(self, narrow: Json, wide: Json, at: str) -> Iterator[str]:
        """Why some value of `narrow` is none of `wide`."""
        pair = (str(narrow.get("$ref")), str(wide.get("$ref")))
        if "$ref" in narrow and "$ref" in wide:
            if pair in self._seen:
                return
            self._seen.add(pair)
        narrow, wide = (_resolved(one, document) for one, document in zip((narrow, wide), self._documents, strict=True))
        if options := narrow.get("anyOf") or narrow.get("oneOf"):
            for option in options:
                yield from self.misfits(option, wide, at)
        elif choices := wide.get("anyOf") or wide.get("oneOf"):
            reasons = [list(self._afresh().misfits(narrow, choice, at)) for choice in choices]
            if all(reasons):
                # The nearest choice says best what is wrong.
                yield from min(reasons, key=len)
        else:
            yield from self._plain(narrow, wide, at)

    def _afresh(self) -> Schemas:
        return Schemas(*self._documents, enums_may_grow=self._enums_may_grow)

    def _plain(self, narrow: Json, wide: Json, at: str) -> Iterator[str]:
        if not _types(narrow) <= _types(wide):
            yield f"{at}: {_shown(narrow)} is no {_shown(wide)}"
            return
        if "enum" in wide and not self._enums_may_grow:
            left = sorted(set(map(str, narrow.get("enum", ["anything"]))) - set(map(str, wide["enum"])))
            if left:
                yield f"{at}: {', '.join(left)} is not among the values any more"
        yield from _rules(narrow, wide, at)
        if "items" in wide:
            yield from self.misfits(narrow.get("items", {}), wide["items"], f"{at}[]")
        yield from self._object(narrow, wide, at)

    def _object(self, narrow: Json, wide: Json, at: str) -> Iterator[str]:
        for name in sorted(set(wide.get("required", ())) - set(narrow.get("required", ()))):
            yield f"{at}.{name}: may be missing on one side, and is needed on the other"
        properties, others = wide.get("properties", {}), wide.get("additionalProperties", True)
        for name, schema in narrow.get("properties", {}).items():
            if name in properties:
                yield from self.misfits(schema, properties[name], f"{at}.{name}")
            elif others is False:
                yield f"{at}.{name}: is not known any more"
            elif isinstance(others, dict):
                yield from self.misfits(schema, others, f"{at}.{name}")


def _rules(narrow: Json, wide: Json, at: str) -> Iterator[str]:
    for rule in _EXACT:
        if rule in wide and narrow.get(rule) != wide[rule]:
            yield f"{at}: {rule} was {narrow.get(rule)!r} and is {wide[rule]!r}"
    for rule in _LEAST:
        if rule in wide and narrow.get(rule, float("-inf")) < wide[rule]:
            yield f"{at}: {rule} was {narrow.get(rule)} and is {wide[rule]}"
    for rule in _MOST:
        if rule in wide and narrow.get(rule, float("inf")) > wide[rule]:
            yield f"{at}: {rule} was {narrow.get(rule)} and is {wide[rule]}"


def _by_place(operation: Json) -> dict[str, Json]:
    return {f"{one['in']}.{one['name']}": one for one in operation.get("parameters", ())}


def _resolved(schema: Json, document: Json) -> Json:
    while "$ref" in schema:
        found = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def _types(schema: Json) -> set[str]:
    found = schema.get("type", ["object", "array", "string", "number", "integer", "boolean", "null"])
    types = {found} if isinstance(found, str) else set(found)
    return types | {"integer"} if "number" in types else types


def _shown(schema: Json) -> str:
    return " or ".join(sorted(_types(schema)))


if __name__ == "__main__":
    sys.exit(main())
