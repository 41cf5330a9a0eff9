"""What usage refuses, and how to mend it."""

from __future__ import annotations

from headworks.kernel.errors import HeadworksError


class ParquetMissing(HeadworksError):
    """The library that writes Parquet is not installed here."""

    code = "parquet_not_installed"
    status = 406
    title = "Parquet is not installed"

    def __init__(self) -> None:
        super().__init__(
            "This server cannot write Parquet: install what it takes with `pip install 'headworks[parquet]'` (150 MB) and "
            "start it again, or ask for format=csv."
        )


class ObjectStoreMissing(HeadworksError):
    """There is no object store here."""

    code = "object_store_not_set"
    status = 409
    title = "No object store is set"

    def __init__(self) -> None:
        super().__init__(
            "This installation has no object store: set HEADWORKS_OBJECTS_URL for the control plane, or read the export with GET."
        )
