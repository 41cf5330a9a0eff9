"""The environment of this process, read here and nowhere else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def environment() -> Mapping[str, str]:
    """Every variable, as it is now."""
    return dict(os.environ)


def set_up_libraries() -> None:
    """What libraries read there, before they are imported."""
    # Its own log has lines that are no JSON, about connections of which ours tells; its errors stay.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    # Pydantic would look through every installed package for plug-ins of its own, of which there are none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
