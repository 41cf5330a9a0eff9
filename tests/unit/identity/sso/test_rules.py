"""The pure rules of single sign-on."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headworks.identity.contracts import GroupRole, Role, SsoConnection
from headworks.identity.domain.sso import connections as rules
from headworks.identity.domain.sso.flow import Ticket, challenge_of, mark_of, new_ticket, proves, with_query
from headworks.identity.domain.sso.return_to import checked_return_to
from headworks.identity.domain.sso.roles import role_of
from headworks.kernel.errors import Invalid
from headworks.kernel.secrets import Secret
from tests.support.sign_in import NOON

EVIL = [
    "",
    "usage",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "https://evil.example",
    "https:evil.example",
    "http:/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/%2fevil.example",
    "/%2Fevil.example",
    "/%5cevil.example",
    "/%5C%5Cevil.example",
    "%2f%2fevil.example",
    "/%252fevil.example",
    "/a//evil.example",
    "/a%2f%2fevil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/%09/evil.example",
    "/%0d%0aSet-Cookie:x=1",
    "/?x=%0d%0aSet-Cookie:x=1",
    "/a\r\nlocation: https://evil.example",
    "/a b",
    "/\x00",
    "/%00",
    " /usage",
    "/usage ",
    "/é",
    "/\u2028",
    "/" + "a" * 1_024,
]


@pytest.mark.parametrize("text", EVIL)
def test_nobody_is_led_elsewhere(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_return_to(text)
    assert refused.value.details[0].field == "query.return_to"


@pytest.mark.parametrize(
    "text", ["/", "/usage", "/a/b?c=d&e=f#g", "/?next=/a", "/a%20b?x=y".replace("%20", "-"), "/a:b@c"]
)
def test_a_path_of_this_server_is_where_one_goes(text: str) -> None:
    assert checked_return_to(text) == text


@given(st.text(alphabet="/\\%25fFcC.:@?#ae \t\r\n\x00", max_size=12) | st.text(max_size=12))
@example("/..//evil")
def test_whatever_is_taken_stays_on_this_server(text: str) -> None:
    try:
        taken = checked_return_to(text)
    except Invalid:
        return
    assert urlsplit(urljoin("https://gw.example/api", taken)).netloc == "gw.example"
    assert taken.isascii()
    assert taken.isprintable()


def connection(*groups: tuple[str, Role], default: Role | None = None) -> SsoConnection:
    return SsoConnection(
        id="sso_1",
        organization_id="org_1",
        name="Directory",
        issuer="https://id.example",
        client_id="c",
        scopes=("openid",),
        group_claim="groups",
        group_roles=tuple(GroupRole(group, role) for group, role in groups),
        default_role=default,
        joins=True,
        allowed_domains=("example.org",),
        created_at=NOON,
        created_by="usr_1",
    )


def test_the_first_group_that_fits_decides() -> None:
    found = connection(("a", "viewer"), ("b", "admin"), default="maintainer")
    assert [role_of(found, groups) for groups in ({"a"}, {"b"}, {"a", "b"}, {"c"}, set())] == [
        *("viewer", "admin", "viewer", "maintainer", "maintainer")
    ]
    assert role_of(connection(("a", "viewer")), {"A"}) is None


def test_a_ticket_is_bound_to_its_browser_and_its_state() -> None:
    ticket = new_ticket()
    assert proves(ticket.verifier.reveal(), challenge_of(ticket.verifier.reveal()))
    others = [Ticket("other", ticket.browser), Ticket(ticket.state, Secret("other")), new_ticket()]
    assert len({one.nonce for one in [ticket, *others]}) == 4
    assert len({one.verifier.reveal() for one in [ticket, *others]}) == 4
    assert ticket.nonce != ticket.verifier.reveal()
    assert mark_of(ticket.state) != mark_of("other")
    for verifier in ("", "v" * 42, "v" * 129, "ä" * 50):
        assert not proves(verifier, challenge_of(verifier))


def test_the_challenge_is_that_of_the_rfc() -> None:
    """RFC 7636, appendix B."""
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_an_endpoint_keeps_its_own_query() -> None:
    assert with_query("https://id.example/a?p=b2c", x="1 2") == "https://id.example/a?p=b2c&x=1+2"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("http://id.example", "not_https"),
        ("http://10.0.0.1/realms/main", "not_https"),
        ("https://id.example?x", "malformed_url"),
        ("https://user@id.example", "malformed_url"),
        ("ftp://id.example", "malformed_url"),
        ("https://169.254.169.254", "reserved"),
        ("https://metadata.google.internal", "reserved"),
        ("https://[64:ff9b::a9fe:a9fe]", "reserved"),
        ("https://[::ffff:169.254.169.254]", "reserved"),
        ("https://0.0.0.0", "reserved"),
        ("https://[ff02::1]", "reserved"),
        ("https://0x7f.1", "malformed_url"),
    ],
)
def test_what_is_no_issuer(text: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.checked_issuer(text, private_networks=True)
    assert (refused.value.details[0].field, refused.value.details[0].code) == ("issuer", code)


@pytest.mark.parametrize("text", ["https://10.0.0.1/realms/main", "http://127.0.0.1:8080", "http://localhost:1"])
def test_a_private_issuer_is_the_operators_to_allow(text: str) -> None:
    assert rules.checked_issuer(text, private_networks=True) == text
    with pytest.raises(Invalid) as refused:
        rules.checked_issuer(text, private_networks=False)
    assert refused.value.details[0].code == "private"


def test_an_issuer_keeps_its_slash() -> None:
    for text in ("https://tenant.example/", "https://tenant.example", "https://id.example/realms/main/"):
        assert rules.checked_issuer(text, private_networks=False) == text


@pytest.mark.parametrize(
    ("check", "value", "field"),
    [
        (rules.checked_domains, [], "allowed_domains"),
        (rules.checked_domains, ["exa mple.org"], "allowed_domains.0"),
        (rules.checked_domains, ["example.org", "a@b"], "allowed_domains.1"),
        (rules.checked_domains, ["*"] * 1 + [""], "allowed_domains.1"),
        (rules.checked_domains, [f"d{number}.org" for number in range(51)], "allowed_domains"),
        (rules.checked_scopes, ["two words"], "scopes.1"),
        (rules.checked_scopes, [f"s{number}" for number in range(30)], "scopes"),
        (rules.checked_groups, [GroupRole("a", "viewer"), GroupRole("a", "admin")], "group_roles.1.group"),
        (rules.checked_groups, [GroupRole("", "viewer")], "group_roles.0.group"),
        (rules.checked_groups, [GroupRole(f"g{number}", "viewer") for number in range(201)], "group_roles"),
        (lambda text: rules.checked_text("client_id", text), "\n", "client_id"),
        (lambda text: rules.check_client_secret(Secret(text)), "sécret", "client_secret"),
    ],
)
def test_what_is_no_connection(check: Any, value: object, field: str) -> None:  # noqa: ANN401 - rules of several kinds
    with pytest.raises(Invalid) as refused:
        check(value)
    assert refused.value.details[0].field == field
    assert "sécret" not in str(refused.value)


def test_domains_are_compared_whole_and_whatever_their_case() -> None:
    domains = rules.checked_domains(["Example.ORG", "@b.example", "example.org"])
    assert domains == ("example.org", "b.example")
    for address, allowed in (("a@example.org", True), ("a@sub.example.org", False), ("a@evilexample.org", False)):
        assert rules.is_allowed(address, domains) is allowed
