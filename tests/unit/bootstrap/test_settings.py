from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from headworks.bootstrap.engine import engine_settings
from headworks.bootstrap.settings import Settings, SettingsError, load_settings, variable_of
from headworks.dataplane.engine import EngineSettings, TlsSettings


def test_without_a_word_it_serves_this_machine_alone() -> None:
    settings = load_settings({"PATH": "/bin", "HOME": "/root"})
    assert (settings.host, settings.port, settings.discovery) == ("127.0.0.1", 8080, True)
    assert settings.home == Path.home() / ".headworks"


def test_variables_are_read() -> None:
    settings = load_settings(
        {
            "HEADWORKS_PORT": "9000",
            "HEADWORKS_HOME": "~/data",
            "HEADWORKS_DISCOVERY": "false",
            "HEADWORKS_FAIL_POINT": "K8:3",
        }
    )
    assert (settings.port, settings.discovery, settings.fail_point) == (9000, False, "K8:3")
    assert settings.home == Path.home() / "data"


@pytest.mark.parametrize("point", ["K0", "K9:40", "K11", "K11:2"])
def test_fail_points_have_names(point: str) -> None:
    assert load_settings({"HEADWORKS_FAIL_POINT": point}).fail_point == point


@pytest.mark.parametrize("point", ["K10", "K12", "K", "K1:", "K99"])
def test_other_fail_points_are_refused(point: str) -> None:
    with pytest.raises(SettingsError, match="HEADWORKS_FAIL_POINT"):
        load_settings({"HEADWORKS_FAIL_POINT": point})


def test_the_command_line_wins_where_it_says_something() -> None:
    settings = load_settings({"HEADWORKS_PORT": "9000", "HEADWORKS_HOST": "::1"}, {"port": 9001, "host": None})
    assert (settings.port, settings.host) == (9001, "::1")


def test_places_of_discovery_are_moved_one_by_one() -> None:
    settings = load_settings(
        {"HEADWORKS_DISCOVERY_URL_OLLAMA": "http://127.0.0.1:1/v1", "HEADWORKS_DISCOVERY_URL_OPENAI": ""}
    )
    assert settings.discovery_addresses == {"ollama": "http://127.0.0.1:1/v1", "openai": ""}


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"HEADWORKS_PROT": "1"}, ["HEADWORKS_PROT", "did you mean HEADWORKS_PORT"]),
        ({"HEADWORKS_XYZZY": "1"}, ["HEADWORKS_XYZZY", "no setting"]),
        ({"HEADWORKS_PORT": "many"}, ["HEADWORKS_PORT", "integer"]),
        ({"HEADWORKS_PORT": "65536"}, ["HEADWORKS_PORT", "65535"]),
        ({"HEADWORKS_DISCOVERY": "perhaps"}, ["HEADWORKS_DISCOVERY", "boolean"]),
        ({"HEADWORKS_LOG_LEVEL": "loud"}, ["HEADWORKS_LOG_LEVEL", "'debug'"]),
        ({"HEADWORKS_FAIL_POINT": "K12"}, ["HEADWORKS_FAIL_POINT"]),
        ({"HEADWORKS_HEADER_TIMEOUT_MS": "0"}, ["HEADWORKS_HEADER_TIMEOUT_MS", "greater than 0"]),
        ({"HEADWORKS_TLS_CERT": "/c.pem"}, ["HEADWORKS_TLS_CERT", "HEADWORKS_TLS_KEY", "both or neither"]),
        ({"HEADWORKS_SPOOL_LIMIT_BYTES": "1048576"}, ["HEADWORKS_SPOOL_LIMIT_BYTES", "three times"]),
        ({"HEADWORKS_BODIES_IN_FLIGHT_BYTES": "1048576"}, ["HEADWORKS_BODIES_IN_FLIGHT_BYTES"]),
        ({"HEADWORKS_DISCOVERY_URL_NOWHERE": "x"}, ["HEADWORKS_DISCOVERY_URL_NOWHERE", "ollama"]),
        ({"HEADWORKS_GATEWAYS_LISTEN": "8090"}, ["HEADWORKS_GATEWAYS_LISTEN", "no host and port"]),
        ({"HEADWORKS_GATEWAYS_LISTEN": "10.0.0.5:99999"}, ["no host and port"]),
        ({"HEADWORKS_GATEWAYS_LISTEN": "127.0.0.1:8090"}, ["HEADWORKS_PEER_CA", "headworks certs"]),
        ({"HEADWORKS_CONTROL_ADDRESS": "control.example.com:8090"}, ["HEADWORKS_PEER_CA"]),
        ({"HEADWORKS_CONTROL_ADDRESS": "unix:/tmp/x:1"}, ["no host and port"]),
        ({"HEADWORKS_PEER_CA": "/ca.pem"}, ["HEADWORKS_PEER_CERT", "all of them or none"]),
        ({"HEADWORKS_USAGE_RECORD_MONTHS": "2"}, ["HEADWORKS_USAGE_RECORD_MONTHS", "must be 3 or more, or 0"]),
        ({"HEADWORKS_USAGE_RECORD_MONTHS": "-1"}, ["HEADWORKS_USAGE_RECORD_MONTHS"]),
        ({"HEADWORKS_BUS_URL": "http://u:canary@h/v"}, ["HEADWORKS_BUS_URL"]),
        ({"HEADWORKS_REDIS_URL": "redis://u:canary@h/0"}, ["HEADWORKS_REDIS_URL", "in the clear"]),
        ({"HEADWORKS_METRICS_NETWORKS": "everywhere"}, ["HEADWORKS_METRICS_NETWORKS"]),
        ({"HEADWORKS_PORT": "x", "HEADWORKS_PROT": "1"}, ["HEADWORKS_PORT:", "HEADWORKS_PROT is"]),
    ],
)
def test_what_is_wrong_is_named(environment: dict[str, str], words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environment)
    for word in words:
        assert word in str(caught.value)


def test_a_wrong_value_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"HEADWORKS_PORT": "hw_sk_secret"})
    assert "hw_sk_secret" not in str(caught.value)


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
    assert variable_of("tls_cert") == "HEADWORKS_TLS_CERT"


def test_the_engine_is_told_its_part() -> None:
    settings = load_settings({"HEADWORKS_HOST": "::1", "HEADWORKS_TLS_CERT": "/c", "HEADWORKS_TLS_KEY": "/k"})
    told = engine_settings(settings, Path("/spool"), Path("/socket"))
    assert (told.listen, told.spool_dir, told.control_socket) == ("[::1]:8080", "/spool", "/socket")
    assert told.tls == TlsSettings("/c", "/k")


def test_the_engine_has_the_same_defaults() -> None:
    told = engine_settings(load_settings({}), Path("/spool"), Path("/socket"))
    assert told == EngineSettings("127.0.0.1:8080", "/spool", "/socket")


def test_believed_proxies_are_networks() -> None:
    settings = load_settings({"HEADWORKS_TRUSTED_PROXIES": "10.0.0.0/8, 2001:DB8::/32,"})
    assert settings.trusted_proxies == ("10.0.0.0/8", "2001:db8::/32")
    assert engine_settings(settings, Path("/spool"), Path("/socket")).trusted_proxies == settings.trusted_proxies
    assert load_settings({"HEADWORKS_TRUSTED_PROXIES": ""}).trusted_proxies == ()
    for wrong in ("proxy", "10.0.0.1/8", "10.0.0.0/33"):
        with pytest.raises(SettingsError, match="HEADWORKS_TRUSTED_PROXIES"):
            load_settings({"HEADWORKS_TRUSTED_PROXIES": wrong})


def test_the_operator_has_an_address() -> None:
    assert load_settings({"HEADWORKS_OPERATOR_EMAIL": " ada@example.org "}).operator_email == "ada@example.org"
    with pytest.raises(SettingsError, match="HEADWORKS_OPERATOR_EMAIL"):
        load_settings({"HEADWORKS_OPERATOR_EMAIL": "ada"})


PEERS = {"peer_ca": "/ca.pem", "peer_cert": "/cert.pem", "peer_key": "/key.pem"}


@pytest.mark.parametrize("written", ["a:1, [2001:db8::5]:2", ["a:1", "[2001:db8::5]:2"]])
def test_several_control_planes(written: object) -> None:
    assert Settings.model_validate({"control_address": written, **PEERS}).control_address == ("a:1", "[2001:db8::5]:2")


@pytest.mark.parametrize("written", ["a:1,", "a:1,b", "", ["a:1", "x y:1"], []])
def test_each_of_several_control_planes_has_a_host_and_a_port(written: object) -> None:
    with pytest.raises(ValidationError, match=r"host and port|at least 1"):
        Settings.model_validate({"control_address": written, **PEERS})


def test_one_control_plane_is_not_two() -> None:
    with pytest.raises(ValidationError, match="twice"):
        Settings.model_validate({"control_address": "a:1,a:1", **PEERS})
