"""The object store, where one is set."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headworks.kernel.objects import Objects
    from headworks.kernel.secrets import Secret


class BadObjectStore(ValueError):
    """It cannot be used. The text says why, and holds nothing of its address."""


def objects_from(url: Secret | None) -> Objects | None:
    """Does not connect. Raises BadObjectStore, BadObjectsAddress."""
    if url is None:
        return None
    if find_spec("obstore") is None:
        raise BadObjectStore("the client of object stores is not installed; run: pip install 'headworks[objects]'")
    from headworks.kernel.objects import Address  # noqa: PLC0415 - an extra, not everybody's
    from headworks.kernel.objects.s3 import S3Objects  # noqa: PLC0415

    return S3Objects(Address.parse(url))
