"""A real RabbitMQ for tests: its own node, ports, folder and cookie, ended by its own id. A start takes five seconds."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

import psutil

from headworks.kernel.bus.adapters.rabbitmq.address import Address
from headworks.kernel.secrets import Secret
from tests.support.child import eventually, free_port
from tests.support.servers.missing import program

USER: Final = "headworks"
PASSWORD: Final = "pw@canary:7f/3?d#%"
"""With everything that a URL must quote. It must never be seen in a log or an answer."""
_OWNER: Final = "rabbitmq"
_PACKAGE: Final = "rabbitmq-server"
_FOLDERS: Final = (Path("/usr/lib/rabbitmq/bin"),)
PREFIX: Final = "headworks"
"""Of the two virtual hosts that it begins with."""
_HELLO: Final = b"AMQP\x00\x00\x09\x01"


class RabbitServer:
    """One node. Raises Missing where it is not installed."""

    def __init__(self, *settings: str) -> None:
        """`settings` are lines of rabbitmq.conf."""
        # Debian's own wrappers would have it in their home, and tell its log folder.
        self._server = program("rabbitmq-server", _PACKAGE, _FOLDERS)
        self._ctl = program("rabbitmqctl", _PACKAGE, _FOLDERS)
        self._epmd = program("epmd", "erlang-base")
        self.folder = Path(tempfile.mkdtemp(prefix="headworks-rabbitmq-"))
        self.port = free_port()
        self._settings = settings
        self._environment = self._make_folder()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Started."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Ended, with its data."""
        self.close()

    def speak_tls(self, port: int, certificate: Path, key: Path) -> None:
        """On that port, from the next start on."""
        copies = [Path(shutil.copy(path, self.folder / path.name)) for path in (certificate, key)]
        for path in copies:
            if os.getuid() == 0:
                shutil.chown(path, _OWNER, _OWNER)
            path.chmod(0o600)
        lines = (
            f"listeners.ssl.1 = 127.0.0.1:{port}",
            f"ssl_options.cacertfile = {copies[0]}",
            f"ssl_options.certfile = {copies[0]}",
            f"ssl_options.keyfile = {copies[1]}",
            "ssl_options.verify = verify_none",
            "ssl_options.fail_if_no_peer_cert = false",
        )
        with (self.folder / "rabbitmq.conf").open("a") as settings:
            settings.write("\n".join((*lines, "")))

    def start(self) -> Self:
        """The first time with new data; and wait until it takes connections."""
        with (self.folder / "out").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                self._as_its_user(self._server),
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        eventually(self._answers, what="RabbitMQ", seconds=90, pause=0.1)
        return self

    @property
    def alive(self) -> bool:
        """Whether it was started and has not ended yet."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it at once, as `kill -9` does; `start` brings it back with its data."""
        if self._process is None:
            return
        children = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        for one in children:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        self._process.wait()
        psutil.wait_procs(children, timeout=10)
        self._process = None

    def close(self) -> None:
        """End it and its port mapper, and remove its data."""
        self.kill()
        subprocess.run(  # noqa: S603 - our own command
            self._as_its_user(self._epmd, "-kill"), env=self._environment, capture_output=True, check=False
        )
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def address(self) -> Address:
        """Of our virtual hosts, where our user may do everything."""
        return Address.parse(Secret(self.url()))

    def url(self, prefix: str = PREFIX, *, user: str = USER, password: str = PASSWORD, port: int | None = None) -> str:
        """As somebody would set it."""
        return f"amqp://{user}:{quote(password, safe='')}@127.0.0.1:{port or self.port}/{prefix}"

    def control(self, *arguments: str) -> str:
        """What rabbitmqctl says. Raises RuntimeError when it fails."""
        done = subprocess.run(  # noqa: S603 - our own command
            self._as_its_user(self._ctl, "--quiet", *arguments),
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
        if done.returncode:
            raise RuntimeError(f"rabbitmqctl {arguments[0]}: {done.stdout}{done.stderr}")
        return done.stdout

    def evaluate(self, expression: str) -> str:
        """What Erlang makes of it."""
        return self.control("eval", expression)

    def log(self) -> str:
        """What it said since it was made, warnings and worse."""
        return (self.folder / "log" / f"{self._environment['RABBITMQ_NODENAME']}.log").read_text(errors="replace")

    def settle(self) -> None:
        """Write what was declared and deleted to disk: 3.10's Mnesia does so seconds later, and a kill until then undoes it."""
        if self.evaluate("mnesia:sync_log().").strip() != "ok":
            raise RuntimeError("Mnesia did not write its log")

    def block(self) -> None:
        """Raise the memory alarm."""
        self.control("set_vm_memory_high_watermark", "absolute", "1")

    def unblock(self) -> None:
        """Clear it."""
        self.control("set_vm_memory_high_watermark", "0.4")

    def hang_up(self) -> None:
        """Cut every client's connection."""
        self.control("close_all_connections", "test")

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError((self.folder / "out").read_text(errors="replace")[-4000:])
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=2) as peer:
            peer.sendall(_HELLO)
            return peer.recv(1) == b"\x01"
        return False

    def _make_folder(self) -> dict[str, str]:
        folder = self.folder
        (folder / ".erlang.cookie").write_text("headworkstest")
        (folder / ".erlang.cookie").chmod(0o400)
        (folder / "plugins").write_text("[].\n")
        (folder / "rabbitmq.conf").write_text(
            "\n".join(
                (
                    "log.console = false",
                    "log.file.level = warning",
                    f"load_definitions = {folder / 'definitions.json'}",
                    *self._settings,
                    "",
                )
            )
        )
        (folder / "definitions.json").write_text(json.dumps(_definitions()))
        if os.getuid() == 0:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, _OWNER, _OWNER)
        mapper = str(free_port())
        return {
            "PATH": f"{os.defpath}:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"hw{self.port}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "ERL_EPMD_PORT": mapper,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_PID_FILE": str(folder / "pid"),
        }

    def _as_its_user(self, *command: str) -> list[str]:
        if os.getuid() != 0:
            return list(command)
        return ["setpriv", f"--reuid={_OWNER}", f"--regid={_OWNER}", "--init-groups", "env", "-C", "/", *command]


def _definitions() -> dict[str, object]:
    """What the server begins with. How a password is hashed: https://www.rabbitmq.com/docs/passwords."""
    salt = b"salt"
    hashed = base64.b64encode(salt + hashlib.sha256(salt + PASSWORD.encode()).digest()).decode()
    hosts = [f"{PREFIX}-{side}" for side in ("events", "tasks")]
    everything = {"user": USER, "configure": ".*", "write": ".*", "read": ".*"}
    return {
        "users": [
            {"name": USER, "password_hash": hashed, "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": []}
        ],
        "vhosts": [{"name": name} for name in hosts],
        "permissions": [{**everything, "vhost": name} for name in hosts],
    }
