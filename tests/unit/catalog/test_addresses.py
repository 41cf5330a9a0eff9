from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.catalog.domain.addresses import base_url, kind_of, same_origin
from headworks.kernel.errors import Invalid
from headworks.kernel.outbound import kind_of_host

ADDRESSES = Path(__file__).parents[3] / "engine" / "tests" / "golden" / "addresses.txt"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("https://api.openai.com/v1/", "https://api.openai.com/v1"),
        ("HTTPS://API.OpenAI.com:443/v1//", "https://api.openai.com/v1"),
        ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1"),
        ("http://localhost:80", "http://localhost"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("http://[0:0::0:1]/V1", "http://[::1]/V1"),
        ("http://[::ffff:10.0.0.1]/v1", "http://10.0.0.1/v1"),
        ("https://models.example./v1", "https://models.example/v1"),
        ("https://vllm_1.rack/openai/v1", "https://vllm_1.rack/openai/v1"),
        ("https://xn--mller-kva.example/v1", "https://xn--mller-kva.example/v1"),
    ],
)
def test_one_spelling(written: str, kept: str) -> None:
    assert base_url(written, private_networks=True) == kept


@pytest.mark.parametrize(
    "written",
    [
        "",
        "api.openai.com/v1",
        "ftp://models.example",
        "file:///etc/passwd",
        "https://",
        "https:///v1",
        "https://user@models.example/v1",
        "https://user:secret@models.example/v1",
        "https://models.example/v1?key=secret",
        "https://models.example/v1?",
        "https://models.example/v1#part",
        "https://models.example/v1#",
        "https://models.example:0/v1",
        "https://models.example:65536/v1",
        "https://models.example:port/v1",
        "https://models.example/a/../b",
        "https://models.example/./v1",
        "https://models.example/%2e%2e/v1",
        "https://models.example//v1",
        "https://models.example\\@elsewhere.example/v1",
        "https://models example/v1",
        "https://models.example/v1\r\nx: y",
        "https://models.example/v1\0",
        "https://müller.example/v1",
        "https://-models.example/v1",
        "https://models..example/v1",
        "http://[::1/v1",
        "http://[zzz]/v1",
        "http://999.1.1.1/v1",
        "http://2130706433/v1",
        "http://169.254.169.254/latest",
        "http://metadata.google.internal/v1",
        "http://[fd00:ec2::254]/v1",
        "http://[::ffff:169.254.169.254]/v1",
        "http://[fe80::1%25eth0]/v1",
        "http://[fe80::1]/v1",
        "http://169.254.1.1/v1",
        "http://0.0.0.0/v1",
        "http://127.1/v1",
        "http://0x7f000001/v1",
        "http://0x7f.0.0.1/v1",
        "http://models.example.1/v1",
        "http://[64:ff9b::a9fe:a9fe]/v1",
        "http://[2002:a9fe:a9fe::1]/v1",
        "https://" + "a" * 2048,
    ],
)
def test_what_is_no_base_url(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        base_url(written, private_networks=True)
    assert refused.value.details[0].field == "base_url"


def test_a_refusal_does_not_repeat_a_password() -> None:
    with pytest.raises(Invalid) as refused:
        base_url("https://user:canary@models.example/v1", private_networks=True)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "written",
    [
        "http://127.0.0.1/v1",
        "http://localhost:8000/v1",
        "http://models.localhost/v1",
        "http://10.1.2.3/v1",
        "http://192.168.0.1/v1",
        "http://100.64.0.1/v1",
        "http://[::1]/v1",
        "http://[fd00::1]/v1",
        "http://[::ffff:127.0.0.1]/v1",
    ],
)
def test_private_addresses_are_the_operators_to_allow(written: str) -> None:
    assert base_url(written, private_networks=True)
    with pytest.raises(Invalid) as refused:
        base_url(written, private_networks=False)
    assert refused.value.details[0].code == "private"


def listed() -> list[tuple[str, str]]:
    """The list that the engine's guard is held to as well."""
    lines = [line.split() for line in ADDRESSES.read_text().splitlines() if not line.startswith("#")]
    return [(kind, address) for kind, address in lines]


@pytest.mark.parametrize(("kind", "address"), listed())
def test_both_planes_judge_an_address_alike(kind: str, address: str) -> None:
    assert kind_of_host(address) == kind
    shown = f"[{address}]" if ":" in address else address
    codes = []
    for private_networks in (True, False):
        try:
            base_url(f"http://{shown}/v1", private_networks=private_networks)
        except Invalid as refused:
            codes.append(refused.details[0].code)
        else:
            codes.append("")
    assert codes == {"public": ["", ""], "private": ["", "private"], "never": ["reserved", "reserved"]}[kind]


def test_public_addresses_need_no_allowance() -> None:
    for written in ("https://api.openai.com/v1", "http://1.1.1.1/v1", "http://[2606:4700::1111]/v1"):
        assert base_url(written, private_networks=False) == written


def test_whose_list_prices_hold() -> None:
    assert kind_of("https://api.openai.com/v1") == "openai"
    assert kind_of("https://generativelanguage.googleapis.com/v1beta/openai") == "gemini"
    assert kind_of("http://127.0.0.1:8000/v1") is None
    assert kind_of("https://api.openai.com.elsewhere.example/v1") is None


def test_one_server() -> None:
    assert same_origin("https://models.example/v1", "https://models.example/v2")
    for other in ("http://models.example/v1", "https://models.example:8443/v1", "https://elsewhere.example/v1"):
        assert not same_origin("https://models.example/v1", other)


@given(st.text() | st.from_regex(r"https?://[^\s]{0,40}", fullmatch=True))
def test_an_accepted_spelling_is_accepted_again_and_stays(text: str) -> None:
    try:
        kept = base_url(text, private_networks=True)
    except Invalid:
        return
    assert base_url(kept, private_networks=True) == kept
    assert not kept.endswith("/")
