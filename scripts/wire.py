"""Writes the Python of src/headworks/dataplane/wire/control.proto beside it; with --check, says whether that is what is there."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"
FOLDER = Path("headworks/dataplane/wire")
NAMES = ("control_pb2.py", "control_pb2.pyi", "control_pb2_grpc.py", "control_pb2_grpc.pyi")


def generate(target: Path) -> None:
    """Write the files below `target`. Raises CalledProcessError when the description is wrong."""
    plugins = Path(sysconfig.get_path("scripts"))
    arguments = [
        f"--proto_path={SOURCE}",
        f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
        f"--python_out={target}",
        f"--grpc_python_out={target}",
        f"--mypy_out=quiet:{target}",
        f"--mypy_grpc_out=quiet,only_async:{target}",
        str(FOLDER / "control.proto"),
    ]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], check=True, cwd=SOURCE)


def main() -> int:
    """The exit status."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder)
        generate(target)
        stale = []
        for name in NAMES:
            wanted, there = (target / FOLDER / name).read_bytes(), SOURCE / FOLDER / name
            if "--check" not in sys.argv:
                there.write_bytes(wanted)
            elif not there.exists() or there.read_bytes() != wanted:
                stale.append(name)
    if stale:
        print(f"{', '.join(stale)}: not what control.proto says; run scripts/wire.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
