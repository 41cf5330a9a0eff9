"""Where the object store is: read once from a setting, checked before anything connects, and never shown with its secret."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from headworks.kernel.secrets import Secret
from headworks.kernel.server_url import LOOPBACK, BadServerUrl, options_of, readable, split

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""
_PREFIX: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_USUAL_REGION: Final = "us-east-1"


class BadObjectsAddress(BadServerUrl):
    """As it says."""

    server = "an S3-compatible object store"
    example = "write it as s3://KEY:SECRET@s3.example.com/bucket/prefix?region=eu-central-1"


@dataclass(frozen=True, slots=True)
class Address:
    """A bucket, and the prefix there that is ours. `repr` and `str` show no secret."""

    endpoint: str
    """`https://host:port`."""
    key: Secret
    secret: Secret
    bucket: str
    prefix: str
    """Empty, or without `/` at its end."""
    region: str
    tls_root: str | None
    """PEM file with authorities that are believed besides those that the system believes."""

    @classmethod
    def parse(cls, secret: Secret) -> Address:
        """Raises BadObjectsAddress."""
        url, host, port = split(secret, {"s3"}, BadObjectsAddress)
        if not url.username or not url.password:
            raise BadObjectsAddress(f"it names no key and secret; {BadObjectsAddress.example}")
        bucket, _, prefix = unquote(url.path).strip("/").partition("/")
        if not _BUCKET.fullmatch(bucket) or (prefix and not _PREFIX.fullmatch(prefix)):
            raise BadObjectsAddress(f"its path must be a bucket, and a prefix if you like; {BadObjectsAddress.example}")
        options = _options(url)
        is_plain = options.get("sslmode") == "disable" or (host in LOOPBACK and "sslrootcert" not in options)
        where = f"[{host}]" if ":" in host else host
        return cls(
            f"http{'' if is_plain else 's'}://{where}{'' if port is None else f':{port}'}",
            Secret(unquote(url.username)),
            Secret(unquote(url.password)),
            bucket,
            prefix,
            options.get("region", _USUAL_REGION),
            readable(options.get("sslrootcert"), BadObjectsAddress),
        )

    def __str__(self) -> str:
        return f"bucket {self.bucket} at {self.endpoint}"


def _options(url: SplitResult) -> dict[str, str]:
    options = options_of(url, BadObjectsAddress, "region")
    if options.get("sslmode", "disable") != "disable" or {"sslmode", "sslrootcert"}.issubset(options):
        raise BadObjectsAddress(
            "sslmode says only that there is no TLS: ?sslmode=disable, and no sslrootcert beside it"
        )
    return options
