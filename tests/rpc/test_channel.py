"""First contact: each way in which it can fail has one line and a hint."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from grpc import aio

from argoexec_cli.conformance.ports import unused_port
from argoexec_cli.daemon.server import serving
from argoexec_cli.errors import DeniedError, InvalidError, UnavailableError, UnsupportedError
from argoexec_cli.models.record import PodRequest
from argoexec_cli.rpc import channel
from argoexec_cli.rpc.channel import connect
from argoexec_cli.rpc.client import RemoteExecutor
from tests.daemon.memory import MemoryExecutor, request


@asynccontextmanager
async def listener(path: Path, answer: bytes) -> AsyncIterator[str]:
    """Listen like something that is no gRPC server, and say *answer* to whoever comes."""

    async def talk(reader: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_unix_server(talk, path):
        yield f"unix://{path}"


async def test_no_socket(short_tmp: Path) -> None:
    with pytest.raises(UnavailableError) as caught:
        async with connect(f"unix://{short_tmp}/none"):
            pass
    assert caught.value.message == (
        f"no daemon answers at unix://{short_tmp}/none (no such socket)"
    )
    assert caught.value.hint == f"argoexec serve --detach --socket {short_tmp}/none"


async def test_a_socket_without_a_daemon(short_tmp: Path) -> None:
    async with listener(short_tmp / "s", b"") as address:
        pass
    with pytest.raises(UnavailableError, match=r"no daemon answers at unix:.*refused") as caught:
        async with connect(address):
            pass
    assert "\n" not in caught.value.message


async def test_a_port_without_a_daemon() -> None:
    port = unused_port()
    with pytest.raises(UnavailableError, match=f"no daemon answers at 127.0.0.1:{port}"):
        async with connect(f"127.0.0.1:{port}"):
            pass


async def test_something_else_that_listens(short_tmp: Path) -> None:
    async with listener(short_tmp / "s", b"HTTP/1.1 400 Bad Request\r\n\r\n") as address:
        with pytest.raises(UnavailableError, match="no daemon answers"):
            async with connect(address, timeout_s=30):
                pass


async def test_something_that_never_answers(short_tmp: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(short_tmp / "s"))
        silent.listen(1)
        with pytest.raises(UnavailableError, match=r"did not answer within 0\.3 s"):
            async with connect(f"unix://{short_tmp}/s", timeout_s=0.3):
                pass


async def test_a_grpc_server_that_is_no_daemon(short_tmp: Path) -> None:
    server = aio.server()
    server.add_insecure_port(f"unix:{short_tmp}/s")
    await server.start()
    with pytest.raises(UnsupportedError, match="is not an argoexec daemon") as caught:
        async with connect(f"unix://{short_tmp}/s"):
            pass
    await server.stop(None)
    assert "argoexec version" in caught.value.hint


async def test_a_daemon_of_another_protocol(short_tmp: Path) -> None:
    executor = MemoryExecutor()
    executor.described = msgspec.structs.replace(executor.described, protocol="v2", version="9.0")
    address = f"unix://{short_tmp}/s"
    async with serving(executor, addresses=(address,)):
        with pytest.raises(UnsupportedError) as caught:
            async with connect(address):
                pass
    assert caught.value.message == (
        f"the daemon at {address} (version 9.0) speaks the protocol v2, this client v1alpha1"
    )


async def test_another_users_socket(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (short_tmp / "s").touch()
    # The suite may run as root, to whom nothing is denied.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(DeniedError, match="belongs to another user"):
        async with connect(f"unix://{short_tmp}/s"):
            pass


async def test_an_address_that_is_none() -> None:
    with pytest.raises(InvalidError, match="is not an address"):
        async with connect("nowhere"):
            pass


async def test_a_proxy_in_the_environment_is_not_asked(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("grpc_proxy", "http://127.0.0.1:9")
    async with (
        serving(MemoryExecutor(), addresses=("127.0.0.1:0",)) as daemon,
        connect(str(daemon.addresses[0])) as connection,
    ):
        assert connection.info.name == "memory"


def large(megabytes: int) -> PodRequest:
    """Make a request for a pod with an argument of so many megabytes."""
    small = request()
    (container,) = small.pod.spec.containers
    container = msgspec.structs.replace(container, args=("x" * (megabytes << 20),))
    spec = msgspec.structs.replace(small.pod.spec, containers=(container,))
    return PodRequest(msgspec.structs.replace(small.pod, spec=spec))


async def test_ten_megabytes_pass_and_too_much_has_one_line(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"unix://{short_tmp}/s"
    async with serving(MemoryExecutor(), addresses=(address,)), connect(address) as connection:
        remote = RemoteExecutor(connection)
        record = await remote.run_pod(large(10))
        assert len(record.pod.spec.containers[0].args[0]) == 10 << 20
        with pytest.raises(InvalidError, match="too large to send") as caught:
            await remote.run_pod(large((channel.MESSAGE_LIMIT >> 20) + 1))
        assert "\n" not in caught.value.message
