"""What each role needs, and what it never looks at."""

from __future__ import annotations

from typing import get_args

import pytest

from headworks.bootstrap.roles import IGNORED, NEEDED, Role, check_role, inert
from headworks.bootstrap.settings import Settings, SettingsError, load_settings, written

URL = "postgresql://u:p@127.0.0.1/n"


def test_only_settings_are_listed() -> None:
    assert set(IGNORED) == set(NEEDED) == set(get_args(Role))
    for role in get_args(Role):
        assert IGNORED[role] <= set(Settings.model_fields), role
        assert not IGNORED[role].intersection(NEEDED[role])


def test_everything_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as missing:
        check_role(load_settings({}), "gateway")
    assert "HEADWORKS_CONTROL_ADDRESS" in str(missing.value)
    assert "HEADWORKS_BUS_URL" in str(missing.value)


@pytest.mark.parametrize("role", ["usage", "worker"])
def test_who_works_on_the_databases_of_others_is_told_of_them(role: Role) -> None:
    known = {"HEADWORKS_BUS_URL": "amqps://u:p@h/v"}
    with pytest.raises(SettingsError, match="HEADWORKS_DATABASE_URL is needed"):
        check_role(load_settings(known), role)
    check_role(load_settings({**known, "HEADWORKS_DATABASE_URL": URL}), role)
    each = {f"HEADWORKS_{context}_DATABASE_URL": URL for context in ("IDENTITY", "CATALOG", "LIMITS", "USAGE")}
    check_role(load_settings({**known, **each}), role)
    del each["HEADWORKS_LIMITS_DATABASE_URL"]
    with pytest.raises(SettingsError, match="one for each context"):
        check_role(load_settings({**known, **each}), role)


@pytest.mark.parametrize("role", ["up", "control"])
def test_upkeep_is_left_to_a_worker_only_where_there_can_be_one(role: Role) -> None:
    left = {"HEADWORKS_UPKEEP": "false", "HEADWORKS_GATEWAYS_LISTEN": "127.0.0.1:1"}
    left |= {f"HEADWORKS_PEER_{part}": "/x" for part in ("CA", "CERT", "KEY")}
    with pytest.raises(SettingsError, match="HEADWORKS_UPKEEP must stay true"):
        check_role(load_settings(left), role)
    check_role(load_settings({**left, "HEADWORKS_DATABASE_URL": URL}), role)


def test_one_process_needs_nothing() -> None:
    check_role(load_settings({}), "up")


def test_what_does_nothing_is_told() -> None:
    told = written(dict.fromkeys(("HEADWORKS_DATABASE_URL", "HEADWORKS_PORT", "PATH", "HEADWORKS_BUS_URL"), "x"))
    assert inert(told, "gateway") == ["HEADWORKS_DATABASE_URL"]
    assert inert(told, "up") == ["HEADWORKS_BUS_URL"]
    redis = written({"HEADWORKS_REDIS_URL": "x"})
    assert inert(redis, "gateway") == inert(redis, "worker") == ["HEADWORKS_REDIS_URL"]
    assert inert(redis, "control") == []
