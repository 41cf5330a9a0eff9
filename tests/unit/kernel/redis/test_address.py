"""Where Redis is: read with care, refused with a reason, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from headworks.kernel.redis import Address, BadRedisAddress
from headworks.kernel.secrets import Secret

CANARY = "pw-canary-1f"


def parse(url: str) -> Address:
    return Address.parse(Secret(url))


def test_everything_that_a_url_says(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("")
    address = parse(f"rediss://me:p%40ss@redis.example.com:6380/3?sslrootcert={authority}")
    assert (address.host, address.port, address.user, address.database) == ("redis.example.com", 6380, "me", 3)
    assert (address.tls, address.tls_root) == (True, str(authority))
    assert address.password is not None
    assert address.password.reveal() == "p@ss"


def test_what_it_need_not_say() -> None:
    address = parse("redis://10.0.0.7")
    assert (address.port, address.user, address.password, address.database, address.tls) == (6379, None, None, 0, False)
    assert parse("redis://:secret@127.0.0.1/").password is not None
    assert parse("redis://:secret@10.0.0.7?sslmode=disable").tls is False


def test_it_does_not_show_its_password() -> None:
    address = parse(f"redis://:{CANARY}@127.0.0.1:7000/1")
    assert CANARY not in f"{address} {address!r}"
    assert str(address) == "Redis at 127.0.0.1:7000"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "no URL of Redis"),
        ("http://host", "no URL of Redis"),
        ("redis://", "no URL of Redis"),
        (f"redis://:{CANARY}@host:port/0", "no URL of Redis"),
        (f"redis://{CANARY}@127.0.0.1", "without a password"),
        (f"rediss://:{CANARY}@host/zero", "number of a database"),
        (f"rediss://:{CANARY}@host/0?timeout=3", "option that is not known"),
        (f"rediss://:{CANARY}@host/0#{CANARY}", "option that is not known"),
        (f"redis://:{CANARY}@host/0", "in the clear"),
        (f"redis://:{CANARY}@host/0?sslmode=require", "rediss is with TLS"),
        (f"rediss://:{CANARY}@host/0?sslmode=disable", "rediss is with TLS"),
        (f"redis://:{CANARY}@127.0.0.1/0?sslrootcert=/nowhere", "without TLS"),
        (f"rediss://:{CANARY}@host/0?sslrootcert=/nowhere/ca.pem", "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(url: str, why: str) -> None:
    with pytest.raises(BadRedisAddress) as refused:
        parse(url)
    assert why in str(refused.value)
    assert CANARY not in str(refused.value)
