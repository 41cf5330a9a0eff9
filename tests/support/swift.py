"""A real S3 for tests: OpenStack Swift, its own ports and folder, its five processes ended by their own ids. A start takes three seconds.

Its object server keeps what it knows of an object in extended attributes of the file: the folder of temporary files must hold them.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

import httpx

from tests.support.child import eventually, free_port
from tests.support.servers.missing import program

ACCOUNT: Final = "headworks"
USER: Final = "tester"
SECRET: Final = "pw@canary:7f/3?d#%"
"""With everything that a URL must quote. It must never be seen in a log or an answer."""
REGION: Final = "us-east-1"
_KINDS: Final = ("account", "container", "object")
_PYTHON: Final = "/usr/bin/python3"
_SECONDS: Final = 30
_RINGS: Final = """
import sys
from swift.common.ring import RingBuilder
for kind, port in zip(sys.argv[2::2], sys.argv[3::2]):
    ring = RingBuilder(part_power=1, replicas=1, min_part_hours=0)
    ring.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "disk", "weight": 1})
    ring.rebalance()
    ring.get_ring().save(f"{sys.argv[1]}/{kind}.ring.gz")
"""
"""What swift-ring-builder does in nine commands of half a second each."""


class SwiftServer:
    """One S3 endpoint, whose buckets are in the path. Raises Missing where it is not installed."""

    access_key: Final = f"{ACCOUNT}:{USER}"
    secret_key: Final = SECRET
    region: Final = REGION

    def __init__(self) -> None:
        self._memcached = program("memcached", "memcached")
        self._servers = {kind: program(f"swift-{kind}-server", f"swift-{kind}") for kind in ("proxy", *_KINDS)}
        self.folder = Path(tempfile.mkdtemp(prefix="headworks-swift-"))
        self._ports = {name: free_port() for name in ("memcached", *self._servers)}
        self._buckets = 0
        self._processes: list[subprocess.Popen[bytes]] = []
        self._make_folder()

    def __enter__(self) -> Self:
        """Started."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Ended, with its data."""
        self.close()

    @property
    def url(self) -> str:
        """Of the endpoint, as somebody would set it."""
        return f"http://127.0.0.1:{self._ports['proxy']}"

    def start(self) -> Self:
        """The first time with no bucket; and wait until it answers."""
        self._run(self._memcached, "-l", "127.0.0.1", "-p", str(self._ports["memcached"]), *_even_as_root())
        for kind, server in self._servers.items():
            self._run(server, str(self.folder / f"{kind}.conf"), "--verbose")
        eventually(self._answers, what="Swift", seconds=_SECONDS)
        return self

    def kill(self) -> None:
        """End all its processes at once, as `kill -9` does; `start` brings it back with its data."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        self._processes.clear()

    def close(self) -> None:
        """End it and remove its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_bucket(self) -> str:
        """A new empty bucket; its name."""
        self._buckets += 1
        name = f"test-{self._buckets}"
        self._ask("PUT", name)
        return name

    def read(self, bucket: str, key: str) -> bytes:
        """An object, whole. Raises httpx.HTTPStatusError where there is none."""
        return self._ask("GET", f"{bucket}/{quote(key)}").content

    def keys(self, bucket: str) -> list[str]:
        """Of the first 10,000 objects, in their order. The parts of multipart uploads are in `{bucket}+segments`."""
        return [entry["name"] for entry in self._ask("GET", f"{bucket}?format=json").json()]

    def log(self) -> str:
        """What all its processes said since it was made, warnings and worse."""
        return (self.folder / "log").read_text(errors="replace")

    def _ask(self, method: str, path: str) -> httpx.Response:
        """By Swift's own API, which knows nothing of S3."""
        with httpx.Client(base_url=self.url, timeout=_SECONDS, trust_env=False) as client:
            names = {"X-Auth-User": self.access_key, "X-Auth-Key": self.secret_key}
            token = client.get("/auth/v1.0", headers=names).raise_for_status().headers["X-Auth-Token"]
            answer = client.request(method, f"/v1/AUTH_{ACCOUNT}/{path}", headers={"X-Auth-Token": token})
            return answer.raise_for_status()

    def _run(self, *command: str) -> None:
        with (self.folder / "log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(  # noqa: S603 - our own command
                    command,
                    cwd=self.folder,
                    env=_environment(),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
            )

    def _answers(self) -> bool:
        if any(process.poll() is not None for process in self._processes):
            raise RuntimeError(self.log()[-4000:])
        with suppress(OSError):
            for port in self._ports.values():
                socket.create_connection(("127.0.0.1", port), timeout=2).close()
            return httpx.get(f"{self.url}/healthcheck", timeout=_SECONDS, trust_env=False).is_success
        return False

    def _make_folder(self) -> None:
        (self.folder / "disks" / "disk").mkdir(parents=True)
        for kind in self._servers:
            sections = _proxy(self._ports["memcached"]) if kind == "proxy" else _storage(kind)
            sections["DEFAULT"] = self._common(kind)
            lines = (
                f"[{section}]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items())
                for section, settings in sections.items()
            )
            (self.folder / f"{kind}.conf").write_text("\n".join(lines))
        ports = [part for kind in _KINDS for part in (kind, str(self._ports[kind]))]
        subprocess.run(  # noqa: S603 - our own command
            [_PYTHON, "-c", _RINGS, str(self.folder), *ports], env=_environment(), check=True
        )

    def _common(self, kind: str) -> dict[str, object]:
        return {
            "bind_ip": "127.0.0.1",
            "bind_port": self._ports[kind],
            # No children: it serves by itself, as the user that started it.
            "workers": 0,
            "swift_dir": self.folder,
            "devices": self.folder / "disks",
            "mount_check": "false",
            "disable_fallocate": "true",
            "fallocate_reserve": 0,
            "log_level": "WARNING",
            # It says all to syslog as well: to the port that discards.
            "log_udp_host": "127.0.0.1",
            "log_udp_port": 9,
        }


def _proxy(memcached: int) -> dict[str, dict[str, object]]:
    # `slo` joins the parts of a multipart upload. The filters that it cannot be without, the proxy adds by itself.
    filters = ("healthcheck", "cache", "s3api", "tempauth", "slo")
    sections: dict[str, dict[str, object]] = {
        "pipeline:main": {"pipeline": " ".join((*filters, "proxy-server"))},
        "app:proxy-server": {"use": "egg:swift#proxy", "account_autocreate": "true"},
        **{f"filter:{name}": {"use": f"egg:swift#{name}"} for name in filters},
    }
    sections["filter:cache"] |= {"use": "egg:swift#memcache", "memcache_servers": f"127.0.0.1:{memcached}"}
    sections["filter:s3api"] |= {"location": REGION}
    sections["filter:tempauth"] |= {f"user_{ACCOUNT}_{USER}": f"{SECRET} .admin"}
    return sections


def _storage(kind: str) -> dict[str, dict[str, object]]:
    # Nothing comes later to bring what a listing missed, so an object waits for its listing.
    return {
        "pipeline:main": {"pipeline": f"{kind}-server"},
        f"app:{kind}-server": {"use": f"egg:swift#{kind}", "container_update_timeout": _SECONDS},
    }


def _environment() -> dict[str, str]:
    return {"PATH": f"{os.defpath}:/usr/sbin:/sbin", "LANG": "C.UTF-8"}


def _even_as_root() -> tuple[str, ...]:
    return ("-u", "root") if os.getuid() == 0 else ()
