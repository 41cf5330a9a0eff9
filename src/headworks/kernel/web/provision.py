"""How bootstrap's concrete objects reach the routes: by the port that they fill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Depends, Request

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.params import Depends as Dependency


def provide(app: FastAPI, port: type, thing: object) -> None:
    """Let routes that ask for `port` have `thing`."""
    if not hasattr(app.state, "provisions"):
        app.state.provisions = {}
    app.state.provisions[port] = thing


def provision(request: Request, port: type) -> object:
    """What `provide` gave for `port`. Raises LookupError where bootstrap forgot it."""
    try:
        return request.app.state.provisions[port]
    except (AttributeError, KeyError):
        message = f"bootstrap provides nothing for {port.__module__}.{port.__qualname__}"
        raise LookupError(message) from None


def provided(port: type) -> Dependency:
    """Give a route what bootstrap provides.

    As in `store: Annotated[Store, provided(Store)]`.
    """

    async def find(request: Request) -> object:
        return provision(request, port)

    dependency: Dependency = Depends(find)
    return dependency
