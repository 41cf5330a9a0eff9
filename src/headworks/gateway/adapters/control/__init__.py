"""The gateway's side of `gateway.rpc`: a control plane in another process, asked and listened to."""

from headworks.gateway.adapters.control.decisions import RemoteController
from headworks.gateway.adapters.control.kept import KeptFlows
from headworks.gateway.adapters.control.leases import RemoteLeases
from headworks.gateway.adapters.control.link import Link, connect
from headworks.gateway.adapters.control.shares import RemoteShares
from headworks.gateway.adapters.control.watching import Watcher

__all__ = ["KeptFlows", "Link", "RemoteController", "RemoteLeases", "RemoteShares", "Watcher", "connect"]
