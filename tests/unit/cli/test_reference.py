"""The reference pages say what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from headworks.bootstrap.settings import Settings, variable_of
from headworks.entrypoints.reference import pages

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_page_is_current(name: str) -> None:
    written = (REFERENCE / name).read_text(encoding="utf-8")
    assert written == pages()[name], "run: python -m headworks.entrypoints.reference"


def test_every_setting_is_there() -> None:
    page = pages()["configuration.md"]
    absent = [name for name in Settings.model_fields if f"`{variable_of(name)}`" not in page]
    assert absent == ["discovery_addresses"]


def test_the_roles_stand_beside_each_route() -> None:
    page = pages()["permissions.md"]
    assert "| route | permission | operator | admin | maintainer | viewer |" in page
    assert "| `POST /api/v1/keys` | `keys:write` | yes | yes | yes | - |" in page
    assert "| `DELETE /api/v1/members/{member_id}` | `members:write` | yes | yes | - | - |" in page
    assert "| `PATCH /api/v1/users/{user_id}` | `installation:operate` | yes | - | - | - |" in page
    assert "| `GET /healthz` |  | yes | yes | yes | yes |" in page


def test_every_command_is_there() -> None:
    page = pages()["cli.md"]
    for command in (
        "up",
        "status",
        "usage",
        "env",
        "doctor",
        "providers add",
        "models add",
        "keys create",
        "prices add",
    ):
        assert f"## `headworks {command}`" in page
