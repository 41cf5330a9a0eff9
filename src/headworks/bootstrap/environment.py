"""The environment of this process, read here and nowhere else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def environment() -> Mapping[str, str]:
    """Every variable, as it is now."""
    return dict(os.environ)


def quiet_libraries() -> None:
    """GRPC's own log has lines that are no JSON, about connections of which ours tells; its errors stay. Before it is imported."""
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
