"""The controller's door for gateways in other processes: gRPC, described by `dataplane/wire/control.proto`."""

from headworks.gateway.rpc.changes import Changes
from headworks.gateway.rpc.server import ControlServer, Listen

__all__ = ["Changes", "ControlServer", "Listen"]
