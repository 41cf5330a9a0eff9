from __future__ import annotations

import ipaddress
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.dataplane.flow import ENDPOINTS, SIGNER
from headworks.identity.domain.emails import check_email, email_key
from headworks.identity.domain.limits import check_endpoints, check_networks, is_within
from headworks.identity.domain.roles import OPERATOR, ROLES
from headworks.kernel.errors import Invalid
from headworks.kernel.permissions import MANAGEMENT

ENGINE = Path(__file__).parents[3] / "engine" / "src" / "flow" / "endpoint.rs"


def test_the_engine_has_the_same_endpoints() -> None:
    names = re.findall(r'Self::\w+ => "([^"]+)"', ENGINE.read_text(encoding="utf-8"))
    assert tuple(names) == (*ENDPOINTS, SIGNER)


def test_endpoints_are_named() -> None:
    assert check_endpoints(None) is None
    assert check_endpoints(["models", "embeddings", "models"]) == ("models", "embeddings")
    with pytest.raises(Invalid, match="chat/completions"):
        check_endpoints(["chat/completion"])
    for wrong in ([], [""], ["/v1/models"], ["x" * 10_000]):
        with pytest.raises(Invalid, match="allowed_endpoints"):
            check_endpoints(wrong)


def test_networks_are_written_in_one_way() -> None:
    assert check_networks(None) is None
    written = ["203.0.113.7", "10.0.0.0/8", "2001:DB8:0::/32", "10.0.0.0/8"]
    assert check_networks(written) == ("203.0.113.7/32", "10.0.0.0/8", "2001:db8::/32")


@pytest.mark.parametrize(
    "network",
    ["", "host", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/255.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "10.0.0.0/8\n"],
)
def test_what_is_no_network_is_refused(network: str) -> None:
    with pytest.raises(Invalid, match="allowed_addresses"):
        check_networks([network])


def test_networks_are_few() -> None:
    with pytest.raises(Invalid):
        check_networks([])
    with pytest.raises(Invalid):
        check_networks([f"10.0.{number}.0/24" for number in range(129)])


@given(st.ip_addresses(), st.integers(min_value=0, max_value=128))
def test_an_address_is_in_the_network_around_it(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, prefix: int
) -> None:
    network = str(ipaddress.ip_network(f"{address}/{min(prefix, address.max_prefixlen)}", strict=False))
    mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    assert is_within(str(address), [network]) is not mapped


@pytest.mark.parametrize(
    "text", ["a@b", "Ada@Example.org", "ada+x@example.org", "ädä@exämple.org", "operator@localhost"]
)
def test_addresses_are_found_whatever_their_case(text: str) -> None:
    assert email_key(check_email(f" {text} ")) == email_key(text.upper())


def test_each_role_may_what_the_lesser_may() -> None:
    assert ROLES["viewer"] < ROLES["maintainer"] < ROLES["admin"] < OPERATOR == MANAGEMENT
    assert all(permission.endswith(":read") for permission in ROLES["viewer"])
    assert not ROLES["maintainer"] & {"members:read", "members:write"}
    assert "installation:operate" not in ROLES["admin"]
