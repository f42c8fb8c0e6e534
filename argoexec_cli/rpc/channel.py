"""The client's end of a connection: opened, checked at first contact, closed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import grpc
from grpc import aio

from argoexec_cli.errors import ArgoexecError, DeniedError, UnavailableError, UnsupportedError
from argoexec_cli.models.executor import ExecutorInfo
from argoexec_cli.rpc.address import Address, parse_address
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import executor_pb2_grpc, info_pb2
from argoexec_cli.rpc.records import info_from_message
from argoexec_cli.rpc.status import START_HINT, VERSION_HINT, from_status

PROTOCOL: Final = "v1alpha1"
MESSAGE_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of a request that a server takes: several times the largest manifest that makes sense."""

CONTACT_S: Final = 10.0
"""How long the first contact may take, connecting included."""

OPTIONS: Final = (
    ("grpc.max_send_message_length", MESSAGE_LIMIT),
    ("grpc.max_receive_message_length", -1),  # a page of large pods; we asked for it
    ("grpc.enable_http_proxy", 0),  # an executor is reached directly, whatever the shell has set
    ("grpc.keepalive_time_ms", 30_000),  # a host that vanished is noticed during a quiet watch
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),  # no state is shared between two connections
    ("grpc.primary_user_agent", "argoexec"),
)


class Connection(NamedTuple):
    """An open channel, the address it leads to, and what the server said about itself."""

    channel: aio.Channel
    address: str
    info: ExecutorInfo


@asynccontextmanager
async def connect(address: str, *, timeout_s: float = CONTACT_S) -> AsyncIterator[Connection]:
    """Connect to the server at *address* and ask who it is; close the channel in the end.

    Raises `UnavailableError` when nothing answers within *timeout_s*, `DeniedError` for another
    user's socket, `UnsupportedError` for a server that speaks another protocol.
    """
    parsed = parse_address(address)
    _check_socket(parsed)
    async with aio.insecure_channel(parsed.target, options=OPTIONS) as channel:
        yield Connection(channel, str(parsed), await _first_contact(channel, parsed, timeout_s))


def _check_socket(address: Address) -> None:
    """Say what the operating system would say, only faster and in fewer words than gRPC."""
    path = address.path
    if path is None:
        return
    if not path.exists():
        text = f"no daemon answers at {address} (no such socket)"
        raise UnavailableError(text, hint=START_HINT)
    if not os.access(path, os.R_OK | os.W_OK):
        raise DeniedError(f"{path} belongs to another user", hint=f"ls -l {path}")


async def _first_contact(channel: aio.Channel, address: Address, timeout_s: float) -> ExecutorInfo:
    stub = executor_pb2_grpc.ExecutorStub(channel)  # type: ignore[no-untyped-call] # generated
    try:
        answer: info_pb2.GetInfoResponse = await stub.GetInfo(
            info_pb2.GetInfoRequest(), timeout=timeout_s
        )
    except aio.AioRpcError as exc:
        raise _no_contact(exc, address, timeout_s) from exc
    if answer.protocol_version != PROTOCOL:
        raise UnsupportedError(
            f"the daemon at {address} (version {answer.version}) speaks the protocol"
            f" {answer.protocol_version or 'of no name'}, this client {PROTOCOL}",
            hint=VERSION_HINT,
        )
    return info_from_message(answer)


def _no_contact(error: aio.AioRpcError, address: Address, timeout_s: float) -> ArgoexecError:
    match error.code():
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            text = f"the server at {address} did not answer within {timeout_s:g} s"
            return UnavailableError(text, hint=START_HINT)
        case grpc.StatusCode.UNIMPLEMENTED:
            text = f"what answers at {address} is not an argoexec daemon, or of another version"
            return UnsupportedError(text, hint=VERSION_HINT)
        case _:
            return from_status(error, str(address))
