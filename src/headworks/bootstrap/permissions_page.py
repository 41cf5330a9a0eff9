"""docs/reference/permissions.md: which role may use which route of the management API, from the routes themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.bootstrap.app import build_app
from headworks.bootstrap.description import routes_of
from headworks.identity.domain.roles import OPERATOR, ROLES
from headworks.kernel.web import access_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi.routing import RouteContext

    from headworks.kernel.permissions import Permission

_HEAD = """# Permissions

Which role may use which route of the management API. Written by `python -m headworks.entrypoints.reference`.

A role is held in one organisation, and opens nothing of any other; the operator's is the whole installation. A management key may do
what it was given, within what its owner's role allows. What belongs to another organisation is answered as what does not exist.

"""
_NOBODY = "-"


def permissions_page() -> str:
    """The page as it is committed."""
    return "".join(_lines())


def _lines() -> Iterator[str]:
    columns: dict[str, frozenset[Permission]] = {"operator": OPERATOR} | {
        str(role): held for role, held in ROLES.items()
    }
    yield _HEAD
    yield f"| route | permission | {' | '.join(columns)} |\n"
    yield f"| --- | --- |{' :-: |' * len(columns)}\n"
    for path, method, route in sorted(_described(), key=lambda found: found[:2]):
        permission = _permission(route)
        marks = ["yes" if permission is None or permission in held else _NOBODY for held in columns.values()]
        yield f"| `{method} {path}` | {'' if permission is None else f'`{permission}`'} | {' | '.join(marks)} |\n"
    yield "\nA route without a permission is open to everybody, without a key. `/metrics` needs none on the machine itself.\n"
    yield "\nAll that is below `/scim/v2` needs `directory:provision`, which a directory's token holds, and no role and no other key.\n"


def _described() -> Iterator[tuple[str, str, RouteContext]]:
    for route in routes_of(build_app({})):
        if route.include_in_schema:
            for method in sorted(route.methods or ()):
                yield route.path_format or "", method, route


def _permission(route: RouteContext) -> Permission | None:
    (access,) = access_of(route)
    return access.permission
