"""nginx before a cluster: inference to the gateways, all else to the control planes."""

from __future__ import annotations

import shutil
import signal
from typing import TYPE_CHECKING, Self

import httpx

from tests.support.child import Child, eventually, free_port
from tests.support.servers.missing import program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CONFIG = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.error.log;
worker_processes 1;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 32m;
  upstream gateways {{ {gateways} keepalive 64; }}
  upstream control {{ {controls} keepalive 16; }}
  server {{
    listen 127.0.0.1:{port};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto http;
    # Streams are passed on as they come, and what was sent upstream is never sent twice.
    proxy_buffering off;
    proxy_request_buffering off;
    proxy_read_timeout 3600s;
    location /v1/ {{ proxy_pass http://gateways; }}
    location / {{ proxy_pass http://control; }}
  }}
}}
"""


class Front:
    """One nginx. Raises Missing where it is not installed."""

    def __init__(self, folder: Path, gateways: Sequence[str], controls: Sequence[str]) -> None:
        """`host:port` of each."""
        self._program = program("nginx", "nginx")
        self._folder = folder / "nginx"
        self.port = free_port()
        self._config = _CONFIG.format(
            folder=self._folder,
            gateways=_servers(gateways),
            controls=_servers(controls),
            port=self.port,
        )

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def troubles(self) -> str:
        """What it wrote of its upstreams."""
        return (self._folder / "nginx.error.log").read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> Self:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o755)
        config = self._folder / "nginx.conf"
        config.write_text(self._config)
        command = [self._program, "-p", str(self._folder), "-c", str(config)]
        self._child = Child(command, log=self._folder / "log")
        eventually(self._answers, what="nginx")
        return self

    def __exit__(self, *_: object) -> None:
        # Not killed: its worker would go on.
        self._child.send(signal.SIGTERM)
        self._child.wait(30)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", trust_env=False).is_success
        except httpx.TransportError:
            return False


def _servers(addresses: Sequence[str]) -> str:
    return " ".join(f"server {address} max_fails=0;" for address in addresses)
