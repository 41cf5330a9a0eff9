"""Where the object store is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headworks.kernel.objects import Address, BadObjectsAddress
from headworks.kernel.secrets import Secret

if TYPE_CHECKING:
    from pathlib import Path


def parsed(url: str) -> Address:
    return Address.parse(Secret(url))


def test_an_address_in_full(tmp_path: Path) -> None:
    root = tmp_path / "root.pem"
    root.write_text("pem")
    address = parsed(
        f"s3://AKIA:se%2Fcret%3F@s3.example.com:9000/my.bucket/some/prefix/?region=eu-central-1&sslrootcert={root}"
    )
    assert (address.endpoint, address.bucket, address.prefix) == (
        "https://s3.example.com:9000",
        "my.bucket",
        "some/prefix",
    )
    assert (address.key.reveal(), address.secret.reveal()) == ("AKIA", "se/cret?")
    assert (address.region, address.tls_root) == ("eu-central-1", str(root))
    assert str(address) == "bucket my.bucket at https://s3.example.com:9000"
    assert "se/cret" not in repr(address)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("s3://k:s@s3.example.com/bucket", "https://s3.example.com"),
        ("s3://k:s@127.0.0.1:8080/bucket", "http://127.0.0.1:8080"),
        ("s3://k:s@[::1]:8080/bucket", "http://[::1]:8080"),
        ("s3://k:s@minio:9000/bucket?sslmode=disable", "http://minio:9000"),
    ],
)
def test_only_a_loopback_is_spoken_to_in_the_clear_without_being_told(url: str, endpoint: str) -> None:
    assert parsed(url).endpoint == endpoint
    assert (parsed(url).prefix, parsed(url).region) == ("", "us-east-1")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://k:canary@s3.example.com/bucket", "no URL of an S3-compatible"),
        ("s3:///bucket", "no URL of an S3-compatible"),
        ("s3://k:canary@[::1/bucket", "no URL of an S3-compatible"),
        ("s3://s3.example.com/bucket", "no key and secret"),
        ("s3://k@s3.example.com/bucket", "no key and secret"),
        ("s3://k:canary@s3.example.com", "must be a bucket"),
        ("s3://k:canary@s3.example.com/Bucket", "must be a bucket"),
        ("s3://k:canary@s3.example.com/bucket/../other", "must be a bucket"),
        ("s3://k:canary@s3.example.com/bucket//x", "must be a bucket"),
        ("s3://k:canary@s3.example.com/bucket?acl=public", "not known"),
        ("s3://k:canary@s3.example.com/bucket?region=a&region=b", "not known"),
        ("s3://k:canary@s3.example.com/bucket#x", "not known"),
        ("s3://k:canary@s3.example.com/bucket?sslmode=require", "sslmode says only"),
        ("s3://k:canary@s3.example.com/bucket?sslmode=disable&sslrootcert=/x", "sslmode says only"),
        ("s3://k:canary@s3.example.com/bucket?sslrootcert=/nowhere", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_without_the_secret(url: str, words: str) -> None:
    with pytest.raises(BadObjectsAddress, match=words) as caught:
        parsed(url)
    assert "canary" not in str(caught.value)
