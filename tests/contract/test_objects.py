"""Putting files into a real S3, and reading them there by a link."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from headworks.kernel.errors import Unavailable
from headworks.kernel.objects import Address, ObjectsUnavailable
from headworks.kernel.objects.s3 import S3Objects
from headworks.kernel.secrets import Secret
from tests.support.servers import Missing
from tests.support.swift import SECRET, SwiftServer


@pytest.fixture(scope="module")
def swift() -> Iterator[SwiftServer]:
    try:
        server = SwiftServer()
    except Missing as missing:
        pytest.skip(str(missing))
    with server:
        yield server


@pytest.fixture
def address(swift: SwiftServer) -> Address:
    key, secret = quote(swift.access_key, safe=""), quote(swift.secret_key, safe="")
    where = swift.url.removeprefix("http://")
    return Address.parse(Secret(f"s3://{key}:{secret}@{where}/{swift.new_bucket()}/some/prefix?region={swift.region}"))


async def pieces(*some: bytes) -> AsyncIterator[bytes]:
    for one in some:
        yield one


async def test_a_file_is_put_whole_and_read_by_its_link(swift: SwiftServer, address: Address) -> None:
    objects = S3Objects(address)
    await objects.probe()
    long = [bytes([number]) * 1_000_000 for number in range(12)]
    for name, content in (
        ("org_1/a/empty.csv", []),
        ("org_1/a/short.csv", [b"a,b\r\n", b"1,2\r\n"]),
        ("org_2/long", long),
    ):
        await objects.put(name, pieces(*content))
        assert swift.read(address.bucket, f"some/prefix/{name}") == b"".join(content)
        link = await objects.link(name, 60)
        assert SECRET not in link
        async with httpx.AsyncClient(trust_env=False) as anybody:
            assert (await anybody.get(link)).content == b"".join(content)
            assert (await anybody.get(link.replace("org_", "0rg_"))).status_code == 403, "for nothing else"
            assert (await anybody.put(link, content=b"x")).status_code == 403, "and only to read"
    assert len(swift.keys(address.bucket)) == 3


async def test_what_breaks_off_is_not_there(swift: SwiftServer, address: Address) -> None:
    async def broken() -> AsyncIterator[bytes]:
        for _ in range(12):
            yield b"x" * 1_000_000
        raise Unavailable("the database went away")

    with pytest.raises(Unavailable, match="the database went away"):
        await S3Objects(address).put("org_1/broken", broken())
    assert swift.keys(address.bucket) == []
    assert swift.keys(f"{address.bucket}+segments") == []


async def test_why_it_cannot_be_used_is_said_without_secrets(swift: SwiftServer, address: Address) -> None:
    wrong = replace(address, secret=Secret("canary-of-this-test"))
    nowhere = replace(address, bucket="no-such-bucket")
    for bad, why in ((wrong, "refuses the key"), (nowhere, "no such bucket")):
        for work in (S3Objects(bad).probe(), S3Objects(bad).put("a", pieces(b"x"))):
            with pytest.raises(ObjectsUnavailable, match=why) as caught:
                await work
            assert "canary" not in str(caught.value)
            assert swift.access_key not in str(caught.value)


async def test_it_is_used_again_when_it_is_back(swift: SwiftServer, address: Address) -> None:
    objects = S3Objects(address)
    swift.kill()
    try:
        with pytest.raises(ObjectsUnavailable, match="does not answer"):
            await objects.probe()
        with pytest.raises(ObjectsUnavailable, match="does not answer"):
            await objects.put("org_1/a", pieces(b"x"))
    finally:
        swift.start()
    await objects.put("org_1/a", pieces(b"x"))
    assert swift.read(address.bucket, "some/prefix/org_1/a") == b"x"


def test_authorities_that_are_none_are_refused(address: Address, tmp_path: Path) -> None:
    root = tmp_path / "root.pem"
    root.write_text("no certificate")
    with pytest.raises(ValueError, match="PEM-encoded certificates"):
        S3Objects(replace(address, tls_root=str(root)))
