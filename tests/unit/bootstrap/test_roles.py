"""What each role needs, and what it never looks at."""

from __future__ import annotations

from typing import get_args

import pytest

from headworks.bootstrap.roles import IGNORED, NEEDED, Role, check_role, inert
from headworks.bootstrap.settings import Settings, SettingsError, load_settings


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


def test_one_process_needs_nothing() -> None:
    check_role(load_settings({}), "up")


def test_what_does_nothing_is_told() -> None:
    variables = ["HEADWORKS_DATABASE_URL", "HEADWORKS_PORT", "PATH", "HEADWORKS_BUS_URL"]
    assert inert(variables, "gateway") == ["HEADWORKS_DATABASE_URL"]
    assert inert(variables, "up") == ["HEADWORKS_BUS_URL"]
