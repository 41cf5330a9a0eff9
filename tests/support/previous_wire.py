"""What processes said to each other one release ago: `previous/control.proto`, beside today's and never mixed with it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FOLDER = Path(__file__).parent / "previous"
_PACKAGE = "headworks.v1"


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "set"
        command = [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"--proto_path={_FOLDER}",
            f"--descriptor_set_out={found}",
        ]
        subprocess.run([*command, "control.proto"], check=True)  # noqa: S603 - our own
        files = descriptor_pb2.FileDescriptorSet.FromString(found.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


def message(name: str) -> Any:  # noqa: ANN401 - made at run time
    """The class of a message, such as `WatchRequest`."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{_PACKAGE}.{name}"))


def methods(service: str) -> dict[str, Any]:
    """What a service could do then, by name."""
    return dict(_pool().FindServiceByName(f"{_PACKAGE}.{service}").methods_by_name)


def call(channel: grpc.aio.Channel, service: str, method: str) -> Any:  # noqa: ANN401 - unary or a stream
    """A method as a gateway of then calls it."""
    found = methods(service)[method]
    make = channel.unary_stream if found.server_streaming else channel.unary_unary
    return make(
        f"/{_PACKAGE}.{service}/{method}",
        request_serializer=message(found.input_type.name).SerializeToString,
        response_deserializer=message(found.output_type.name).FromString,
    )


def serve(server: grpc.aio.Server, service: str, handlers: dict[str, Any]) -> None:
    """A control plane of then; `handlers` by method, and whatever else is asked is UNIMPLEMENTED."""
    made = {}
    for name, handler in handlers.items():
        found = methods(service)[name]
        make = grpc.unary_stream_rpc_method_handler if found.server_streaming else grpc.unary_unary_rpc_method_handler
        made[name] = make(
            handler,
            request_deserializer=message(found.input_type.name).FromString,
            response_serializer=message(found.output_type.name).SerializeToString,
        )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(f"{_PACKAGE}.{service}", made),))
