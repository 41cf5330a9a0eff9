"""The upstream, and the plain reverse proxies that Headworks is compared with: one worker, connections kept on both sides."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from harness.child import Child, answers, free_port

if TYPE_CHECKING:
    from pathlib import Path

# Without http-no-delay HAProxy holds small chunks back for up to 200 ms, in which nobody would stream.
HAPROXY = """
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  option http-keep-alive
  option http-no-delay
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend front
  bind 127.0.0.1:{port}
  default_backend upstream
backend upstream
  server mock {upstream}
"""

NGINX = """
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 64m;
  keepalive_requests 1000000000;
  upstream mock {{ server {upstream}; keepalive 2048; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
    }}
  }}
}}
"""


class Mock(Child):
    """The mock provider."""

    def __init__(self, program: Path, core: int, folder: Path) -> None:
        """Start it, and wait for its address."""
        super().__init__([program, "--port", "0"], core, folder / "mock.log")
        self.wait_until(lambda: self._address() is not None)
        self.address = self._address() or ""
        self.url = f"http://{self.address}"

    def _address(self) -> str | None:
        found = re.search(r"listening on http://(\S+)/v1", self.log.read_text(encoding="utf-8"))
        return found.group(1) if found else None


class HAProxy(Child):
    """HAProxy in front of `upstream` (`host:port`)."""

    def __init__(self, program: str, upstream: str, core: int, folder: Path) -> None:
        """Start it, and wait until it passes something on."""
        port = free_port()
        config = folder / "haproxy.cfg"
        config.write_text(HAPROXY.format(port=port, upstream=upstream), encoding="utf-8")
        super().__init__([program, "-db", "-f", config], core, folder / "haproxy.log")
        self.url = f"http://127.0.0.1:{port}"
        self.wait_until(lambda: answers(f"{self.url}/healthz"))


class Nginx(Child):
    """nginx in front of `upstream` (`host:port`)."""

    def __init__(self, program: str, upstream: str, core: int, folder: Path) -> None:
        """Start it, and wait until it passes something on."""
        port = free_port()
        config = folder / "nginx.conf"
        # A worker that drops root could not use the temporary folder.
        user = "user root;" if os.geteuid() == 0 else ""
        config.write_text(NGINX.format(port=port, upstream=upstream, folder=folder, user=user), encoding="utf-8")
        super().__init__([program, "-p", folder, "-c", config], core, folder / "nginx.log")
        self.url = f"http://127.0.0.1:{port}"
        self.wait_until(lambda: answers(f"{self.url}/healthz"))
