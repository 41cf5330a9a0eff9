"""Routes that browsers are sent to, by links and by other sites: they take whatever query those add, and refuse in a page.

A program that asks for JSON gets problem details there as everywhere.
"""

from __future__ import annotations

from html import escape
from string import Template
from typing import TYPE_CHECKING, Final

from fastapi import Depends, Request, Response

if TYPE_CHECKING:
    from fastapi.params import Depends as Dependency

    from headworks.kernel.errors import HeadworksError

_PAGE: Final = "headworks.page"
"""In a request's scope: it came to a route for browsers."""
_POLICY: Final = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS: Final = {
    "content-security-policy": _POLICY,
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "vary": "accept",
}
_HTML: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main>
<h1>$title</h1>
<p>$detail</p>
<p><small>$status <code>$code</code>, request <code>$request_id</code></small></p>
</main>
</body>
</html>
""")


class _ForBrowsers:
    """On a route that browsers are sent to."""

    async def __call__(self) -> None:
        """Nothing: that the route names it is the point."""


def for_browsers() -> Dependency:
    """For a GET that links and other sites lead to: `dependencies=[for_browsers()]`."""
    dependency: Dependency = Depends(_ForBrowsers())
    return dependency


def is_for_browsers(call: object) -> bool:
    """Whether a route's dependency is that of `for_browsers`."""
    return isinstance(call, _ForBrowsers)


def note_browser(request: Request) -> None:
    """Remember that a refusal of this request may be a page."""
    request.scope[_PAGE] = True


def wants_page(request: Request) -> bool:
    """Whether a refusal is to be read by a person."""
    return bool(request.scope.get(_PAGE)) and "text/html" in request.headers.get("accept", "")


def refusal_page(error: HeadworksError, request_id: str) -> Response:
    """What happened and how to mend it, escaped: nothing of it runs."""
    text = _HTML.substitute(
        title=escape(error.title),
        detail=escape(error.message),
        status=error.status,
        code=escape(error.code),
        request_id=escape(request_id),
    )
    return Response(text, error.status, _HEADERS, media_type="text/html")
