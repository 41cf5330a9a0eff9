from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import quote

import pytest

from headworks.kernel.bus.adapters.rabbitmq.address import Address, BadBusAddress
from headworks.kernel.secrets import Secret
from tests.support.certificates import write_certificate

PASSWORD = "pw@canary:7f/3?d#%"


def parse(url: str) -> Address:
    return Address.parse(Secret(url))


def test_a_url_says_where_the_broker_is_and_nothing_shows_the_password() -> None:
    address = parse(f"amqps://app:{quote(PASSWORD, safe='')}@mq.example.com/prod")
    assert (address.host, address.port, address.tls) == ("mq.example.com", 5671, "verify-full")
    assert (address.virtual_host("events"), address.virtual_host("tasks")) == ("prod-events", "prod-tasks")
    assert address.password.reveal() == PASSWORD
    for shown in (str(address), repr(address)):
        assert "canary" not in shown
    assert str(address) == "RabbitMQ at mq.example.com:5671"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "no URL of RabbitMQ"),
        ("http://a:canary@h/x", "no URL of RabbitMQ"),
        ("amqps://a:canary@/x", "no URL of RabbitMQ"),
        ("amqps://a:canary@h:99999/x", "no URL of RabbitMQ"),
        ("amqps://a:canary@h:port/x", "no URL of RabbitMQ"),
        ("amqps://h/x", "names no user"),
        ("amqps://canary@h/x", "names no user"),
        ("amqps://a:canary@h", "its path must say"),
        ("amqps://a:canary@h/" + "x" * 101, "its path must say"),
        ("amqp://a:canary@mq.example.com/x", "in the clear"),
        ("amqp://a:canary@127.0.0.1/x?sslmode=require", "write amqps"),
        ("amqps://a:canary@h/x?sslmode=disable", "write amqp for"),
        ("amqps://a:canary@h/x?sslmode=perhaps", "sslmode must be one of"),
        ("amqps://a:canary@h/x?heartbeat=1", "an option that is not known"),
        ("amqps://a:canary@h/x?sslmode=require&sslmode=require", "an option that is not known, or one twice"),
        ("amqps://a:canary@h/x#y", "an option that is not known"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_repeating_it(url: str, said: str) -> None:
    with pytest.raises(BadBusAddress, match=said) as refused:
        parse(url)
    assert "canary" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_plain_connections_are_for_loopback_or_asked_for() -> None:
    assert parse("amqp://a:b@127.0.0.1/x").tls_context() is None
    assert parse("amqp://a:b@[::1]:5/x").port == 5
    assert parse("amqp://a:b@mq.internal/x?sslmode=disable").tls == "disable"


def test_modes_of_tls_are_what_they_say(tmp_path: Path) -> None:
    certificate, _ = write_certificate(tmp_path)
    wanted = {
        "verify-full": (True, ssl.CERT_REQUIRED),
        "verify-ca": (False, ssl.CERT_REQUIRED),
        "require": (False, ssl.CERT_NONE),
    }
    for mode, (name, verify) in wanted.items():
        context = parse(f"amqps://a:b@h/x?sslmode={mode}&sslrootcert={certificate}").tls_context()
        assert context is not None
        assert (context.check_hostname, context.verify_mode) == (name, verify)
    with pytest.raises(BadBusAddress, match="sslrootcert cannot be read"):
        parse("amqps://a:b@h/x?sslrootcert=/nowhere.pem").tls_context()
