"""The client's end of a connection: opened, checked at first contact, closed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Final

import grpc
import msgspec
from grpc import aio

from argoexec_cli.errors import ArgoexecError, DeniedError, UnavailableError, UnsupportedError
from argoexec_cli.models.connection import Endpoint, Tls
from argoexec_cli.models.executor import ExecutorInfo
from argoexec_cli.rpc.address import Address, Way, parse_address, start_hint
from argoexec_cli.rpc.diagnosis import tls_fault
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import executor_pb2_grpc, info_pb2
from argoexec_cli.rpc.records import info_from_message
from argoexec_cli.rpc.status import VERSION_HINT, from_status
from argoexec_cli.rpc.tls import channel_credentials

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


_SILENCE: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


class Connection(msgspec.Struct, frozen=True):
    """An open channel, the address it leads to, and what the server said about itself."""

    channel: aio.Channel
    address: str
    info: ExecutorInfo


class _Route(msgspec.Struct, frozen=True):
    """The way that gRPC takes, what the certificate there must say, and how errors call it."""

    way: Way
    tls: Tls | None
    name: str
    shown: str


@asynccontextmanager
async def connect(
    endpoint: Endpoint | str, *, timeout_s: float = CONTACT_S
) -> AsyncIterator[Connection]:
    """Connect to the server at *endpoint* and ask who it is; close all in the end.

    Raises `UnavailableError` when nothing answers within *timeout_s*, `UnauthenticatedError` when
    one side does not accept the other's certificate, `DeniedError` for another user's socket,
    `UnsupportedError` for a server that speaks another protocol, and what `rpc.tunnel` does.
    """
    if isinstance(endpoint, str):
        endpoint = Endpoint(server=endpoint)
    parsed = parse_address(endpoint.server)
    shown = f"{parsed} via {endpoint.ssh.host}" if endpoint.via and endpoint.ssh else str(parsed)
    name = endpoint.tls.server_name if endpoint.tls else ""
    async with _way(endpoint, parsed) as way:
        _check_socket(way.address)
        route = _Route(way, endpoint.tls, name or parsed.host or "localhost", shown)
        async with _open(route) as channel:
            yield Connection(channel, shown, await _first_contact(channel, route, timeout_s))


def _way(endpoint: Endpoint, address: Address) -> AbstractAsyncContextManager[Way]:
    if not endpoint.via or endpoint.ssh is None:
        return nullcontext(Way(address, lambda: "", carried=False))
    # Most connections need no ssh, and a command's start is short.
    from argoexec_cli.rpc.tunnel import tunnelled

    return tunnelled(endpoint.ssh, address)


def _open(route: _Route) -> aio.Channel:
    target = route.way.address.target
    if route.tls is None:
        return aio.insecure_channel(target, options=OPTIONS)
    options = (*OPTIONS, ("grpc.ssl_target_name_override", route.name))
    return aio.secure_channel(target, channel_credentials(route.tls), options=options)


def _check_socket(address: Address) -> None:
    """Say what the operating system would say, only faster and in fewer words than gRPC."""
    path = address.path
    if path is None:
        return
    if not path.exists():
        text = f"no daemon answers at {address} (no such socket)"
        raise UnavailableError(text, hint=start_hint(str(address)))
    if not os.access(path, os.R_OK | os.W_OK):
        raise DeniedError(f"{path} belongs to another user", hint=f"ls -l {path}")


async def _first_contact(channel: aio.Channel, route: _Route, timeout_s: float) -> ExecutorInfo:
    stub = executor_pb2_grpc.ExecutorStub(channel)  # type: ignore[no-untyped-call] # generated
    try:
        answer: info_pb2.GetInfoResponse = await stub.GetInfo(
            info_pb2.GetInfoRequest(), timeout=timeout_s
        )
    except aio.AioRpcError as exc:
        raise await _no_contact(exc, route, timeout_s) from exc
    if answer.protocol_version != PROTOCOL:
        raise UnsupportedError(
            f"the daemon at {route.shown} (version {answer.version}) speaks the protocol"
            f" {answer.protocol_version or 'of no name'}, this client {PROTOCOL}",
            hint=VERSION_HINT,
        )
    return info_from_message(answer)


async def _no_contact(error: aio.AioRpcError, route: _Route, timeout_s: float) -> ArgoexecError:
    if error.code() in _SILENCE:
        if complaint := route.way.complaint():
            text = f"no daemon answers at {route.shown} ({complaint})"
            return UnavailableError(text, hint="argoexec doctor")
        # Nobody speaks TLS on a local socket, but what hangs there would be waited for.
        if route.tls or route.way.carried or route.way.address.path is None:
            fault = await tls_fault(route.way.address, route.tls, route.name, route.shown)
            if fault is not None:
                return fault
    match error.code():
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            text = f"the server at {route.shown} did not answer within {timeout_s:g} s"
            return UnavailableError(text, hint=start_hint(route.shown))
        case grpc.StatusCode.UNIMPLEMENTED:
            text = f"what answers at {route.shown} is not an argoexec daemon, or of another version"
            return UnsupportedError(text, hint=VERSION_HINT)
        case _:
            return from_status(error, route.shown)
