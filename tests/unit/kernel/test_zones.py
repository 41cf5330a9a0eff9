"""Names of time zones; when days begin is tested with the ledger's periods."""

from __future__ import annotations

import pytest

from headworks.kernel.zones import UnknownZone, checked_zone


@pytest.mark.parametrize(
    "name", ["Europe/Berln", "europe/berlin", "", "../../etc/passwd", "/etc/localtime", "EST5EDT6", "\0"]
)
def test_zones_that_are_none(name: str) -> None:
    with pytest.raises(UnknownZone):
        checked_zone(name)


def test_a_misspelt_zone_is_told_its_neighbours() -> None:
    with pytest.raises(UnknownZone) as unknown:
        checked_zone("Europe/Berln")
    assert unknown.value.near[0] == "Europe/Berlin"
