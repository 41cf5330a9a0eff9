"""Signing in through the browser: a loopback address waits for it to come back (RFC 8252, section 7.3, with PKCE).

Without a browser on this machine the address can be opened anywhere, and what it ends at pasted here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import socketserver
import sys
import webbrowser
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from headworks.entrypoints.cli.failures import BadUsage, Refused
from headworks.entrypoints.cli.output import note
from headworks.kernel.clock import monotonic

if TYPE_CHECKING:
    from headworks.entrypoints.cli.client import Client
    from headworks.entrypoints.cli.records import Record

_WAIT_SECONDS = 600
"""As long as the server keeps a sign-in that was begun."""
_MOST_CHARACTERS = 8_192
_DONE = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Headworks</title>
<p>You are signed in on the command line. This page can be closed.</p></html>
"""
_NOT_FOUND = 404


@dataclass(slots=True)
class _Waiting:
    """What must come back, and what did."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    code: str | None = None

    @property
    def challenge(self) -> str:
        """S256 of RFC 7636."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def take(self, address: str) -> bool:
        """Whether the address that the browser came to is the one that was waited for."""
        query = parse_qs(urlsplit(address).query)
        (state, *_), (code, *_) = query.get("state", [""]), query.get("code", [""])
        if not code or not hmac.compare_digest(state.encode(), self.state.encode()):
            return False
        self.code = code
        return True


def sign_in(client: Client, organization: str, connection: str | None, *, opens: bool, pastes: bool) -> Record:
    """What the server grants. `opens`: open a browser here; `pastes`: ask for the address that it ends at.

    Raises Refused, BadUsage, Unreachable.
    """
    waiting = _Waiting()
    with _listener(waiting) as listener:
        url = _start(client.origin, organization, connection, waiting, listener.server_address[1])
        note("Open this address in a browser, and sign in there:", url)
        if pastes:
            _ask(waiting)
        else:
            if opens:
                webbrowser.open(url)
            _await(waiting, listener)
    if waiting.code is None:
        raise Refused("nobody came back from the browser in time.", "Try again; `--paste` needs no way back to here.")
    return client.api.exchange_single_sign_on({"code": waiting.code, "code_verifier": waiting.verifier})


def _start(origin: str, organization: str, connection: str | None, waiting: _Waiting, port: int) -> str:
    query = {
        "loopback_port": port,
        "code_challenge": waiting.challenge,
        "client_state": waiting.state,
        **({} if connection is None else {"connection": connection}),
    }
    return f"{origin}/api/v1/auth/sso/{quote(organization, safe='')}/start?{urlencode(query)}"


def _ask(waiting: _Waiting) -> None:
    note("It ends at an address on 127.0.0.1, which may not open. Paste that address here:")
    address = sys.stdin.readline(_MOST_CHARACTERS).strip()
    if not waiting.take(address):
        raise BadUsage(
            "that is not the address that this sign-in ends at.", "Begin again, and paste the whole address."
        )


def _await(waiting: _Waiting, listener: socketserver.TCPServer) -> None:
    """Serve until it came, or the time is over. Other requests change nothing: anybody on this machine can send one."""
    until = monotonic() + _WAIT_SECONDS
    while waiting.code is None and (left := until - monotonic()) > 0:
        listener.timeout = left
        listener.handle_request()


def _listener(waiting: _Waiting) -> socketserver.TCPServer:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            """The browser comes back."""
            if not waiting.take(self.path):
                self.send_error(_NOT_FOUND)
                return
            self.send_response(200)
            for name, value in (
                ("content-type", "text/html; charset=utf-8"),
                ("content-length", str(len(_DONE))),
                ("referrer-policy", "no-referrer"),
                ("cache-control", "no-store"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(_DONE)

        def log_message(self, *_: object) -> None:
            """Say nothing: the address holds the code."""

    # Any free port: the server takes every one of 127.0.0.1, and no other address.
    return socketserver.TCPServer(("127.0.0.1", 0), Handler)
