from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from headworks.bootstrap import bus as bootstrap_bus
from headworks.bootstrap.bus import FILE, BadBus, bus_from
from headworks.kernel.bus import Topology
from headworks.kernel.bus.adapters.memory import MemoryBus
from headworks.kernel.bus.adapters.rabbitmq.address import BadBusAddress
from headworks.kernel.bus.adapters.rabbitmq.bus import RabbitBus
from headworks.kernel.bus.adapters.sqlite import SqliteBus
from headworks.kernel.secrets import Secret


async def test_the_address_says_which_bus(tmp_path: Path) -> None:
    local = await bus_from(None, Topology(), tmp_path)
    assert isinstance(local, SqliteBus)
    assert (tmp_path / FILE).exists()
    await local.close()
    assert isinstance(await bus_from(Secret("memory:"), Topology(), tmp_path), MemoryBus)
    remote = await bus_from(Secret("amqps://app:secret@mq.example.com/headworks"), Topology(), tmp_path)
    assert isinstance(remote, RabbitBus)
    await remote.close()


@pytest.mark.parametrize(
    "url", ["kafka://a:canary@h/x", "sqlite:canary", "amqps://a:canary@h/x?sslrootcert=/nowhere.pem"]
)
async def test_an_address_that_cannot_be_used_is_refused_before_anything_connects(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadBusAddress) as refused:
        await bus_from(Secret(url), Topology(), tmp_path)
    assert "canary" not in str(refused.value)


async def test_a_missing_driver_is_named_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        bootstrap_bus, "find_spec", lambda name: None if name == "aiormq" else importlib.util.find_spec(name)
    )
    with pytest.raises(BadBus, match=r"pip install 'headworks\[rabbitmq\]'"):
        await bus_from(Secret("amqps://app:secret@mq.example.com/headworks"), Topology(), tmp_path)
