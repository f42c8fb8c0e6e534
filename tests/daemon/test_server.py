"""The server's life: ready soon, healthy, drained in two stages, gone without a trace."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from argoexec_cli.daemon.server import EXEC, EXECUTOR, HEALTH, WORKFLOWS, Daemon, Doors, serving
from argoexec_cli.errors import PreconditionError, UnavailableError, UnsupportedError
from argoexec_cli.models.record import PodQuery, PodRef
from argoexec_cli.models.workflows import RunRef
from argoexec_cli.rpc.channel import Connection, connect
from argoexec_cli.rpc.client import RemoteExecutor
from argoexec_cli.rpc.resume import Patience
from argoexec_cli.rpc.workflows_client import RemoteWorkflows
from tests.daemon.memory import MemoryExecutor

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
IMPATIENT = Patience(first_s=0.01, most_s=0.01, limit_s=0.02)


class SlowExecutor(MemoryExecutor):
    """Answers `get_pod` when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_for_pod = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def delete_pod(self, ref: PodRef) -> None:
        self.asked_for_pod.set()
        await self.may_answer.wait()


@pytest.fixture
def executor() -> SlowExecutor:
    """Give an executor that can be made to wait."""
    return SlowExecutor()


async def test_who_is_ready_answers(executor: MemoryExecutor, address: str) -> None:
    async with serving(executor, addresses=(address,)), connect(address) as connection:
        assert connection.info == executor.described


async def test_health_of_the_whole_and_of_each_service(connection: Connection) -> None:
    stub: Any = health_pb2_grpc.HealthStub(connection.channel)
    for service in ("", EXECUTOR):
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == SERVING
    with pytest.raises(aio.AioRpcError) as caught:
        await stub.Check(health_pb2.HealthCheckRequest(service=WORKFLOWS))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_whoever_watches_the_health_hears_that_the_daemon_stops(
    daemon: Daemon, connection: Connection
) -> None:
    stub: Any = health_pb2_grpc.HealthStub(connection.channel)
    watch = stub.Watch(health_pb2.HealthCheckRequest(service=EXECUTOR))
    heard = [(await watch.read()).status]
    stopping = asyncio.create_task(daemon.stop(1))
    heard.append((await watch.read()).status)
    await stopping
    assert heard == [SERVING, NOT_SERVING]


async def test_reflection_lists_the_services_and_knows_their_files(connection: Connection) -> None:
    channel: Any = connection.channel
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=EXECUTOR),
    ]
    listed, file = [answer async for answer in stub.ServerReflectionInfo(iter(asked))]
    names = {service.name for service in listed.list_services_response.service}
    assert names == {EXECUTOR, EXEC, HEALTH, "grpc.reflection.v1alpha.ServerReflection"}
    assert file.file_descriptor_response.file_descriptor_proto


async def test_a_daemon_without_a_controller_says_so(connection: Connection) -> None:
    with pytest.raises(UnsupportedError, match="does not offer this") as caught:
        await RemoteWorkflows(connection).get_run(RunRef(name="x"))
    assert "argoexec version" in caught.value.hint


async def test_a_drain_cuts_streams_at_once_and_waits_for_single_calls(
    daemon: Daemon, connection: Connection, executor: SlowExecutor
) -> None:
    remote = RemoteExecutor(connection, patience=IMPATIENT)
    updates = remote.watch_pods(PodQuery())
    assert (await anext(updates)).type == "SYNCED"
    call = asyncio.create_task(remote.delete_pod(PodRef(name="x")))
    await executor.asked_for_pod.wait()
    stopping = asyncio.create_task(daemon.stop(30))
    with pytest.raises(UnavailableError):
        await anext(updates)
    assert not stopping.done()
    executor.may_answer.set()
    async with asyncio.timeout(30):
        await call
        await stopping


async def closed(address: str) -> None:
    """Wait until nobody listens: a call that comes before is not a new one."""
    async with asyncio.timeout(30):
        while True:
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(address.removeprefix("unix://")):
                    return
            await asyncio.sleep(0.01)


async def test_new_calls_are_refused_while_it_drains(
    daemon: Daemon, connection: Connection, executor: SlowExecutor, address: str
) -> None:
    remote = RemoteExecutor(connection)
    call = asyncio.create_task(remote.delete_pod(PodRef(name="x")))
    await executor.asked_for_pod.wait()
    stopping = asyncio.create_task(daemon.stop(30))
    await closed(address)
    with pytest.raises(UnavailableError):
        await remote.list_pods(PodQuery())
    executor.may_answer.set()
    await call
    await stopping


async def test_the_second_stage_cuts_everything(
    daemon: Daemon, connection: Connection, executor: SlowExecutor
) -> None:
    call = asyncio.create_task(RemoteExecutor(connection).delete_pod(PodRef(name="x")))
    await executor.asked_for_pod.wait()
    now = asyncio.Event()
    stopping = asyncio.create_task(daemon.stop(30, now=now.wait()))
    done, _ = await asyncio.wait({stopping}, timeout=0.1)
    assert not done
    now.set()
    async with asyncio.timeout(30):
        await stopping
        with pytest.raises(UnavailableError):
            await call


async def test_a_drain_ends_when_its_time_is_over(
    daemon: Daemon, connection: Connection, executor: SlowExecutor
) -> None:
    call = asyncio.create_task(RemoteExecutor(connection).delete_pod(PodRef(name="x")))
    await executor.asked_for_pod.wait()
    async with asyncio.timeout(30):
        await daemon.stop(0.05)
        with pytest.raises(UnavailableError):
            await call


async def test_the_socket_is_private_and_gone_afterwards(
    executor: MemoryExecutor, short_tmp: Path
) -> None:
    path = short_tmp / "run" / "s"
    async with serving(executor, addresses=(f"unix://{path}",)) as daemon:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert [str(bound) for bound in daemon.addresses] == [f"unix://{path}"]
    assert not path.exists()


async def test_a_socket_that_was_replaced_meanwhile_is_left_alone(
    executor: MemoryExecutor, address: str, short_tmp: Path
) -> None:
    path = short_tmp / "s"
    async with serving(executor, addresses=(address,)):
        path.unlink()
        path.write_text("another's")
    assert path.read_text() == "another's"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_tcp_on_loopback_with_a_port_of_the_systems_choice(
    executor: MemoryExecutor, host: str
) -> None:
    async with serving(executor, addresses=(f"{host}:0",)) as daemon:
        (bound,) = daemon.addresses
        assert bound.port > 0
        async with connect(str(bound)) as connection:
            assert connection.address == f"{host}:{bound.port}"


@pytest.mark.parametrize("exposed", ["0.0.0.0:0", "[::]:0", "10.1.2.3:7777", "host.example:7777"])
async def test_an_address_that_others_reach_is_refused(
    executor: MemoryExecutor, exposed: str
) -> None:
    with pytest.raises(PreconditionError, match="other machines") as caught:
        async with serving(executor, addresses=(exposed,)):
            pass
    assert "--insecure" in caught.value.hint


async def test_insecure_allows_it_and_warns(
    executor: MemoryExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        serving(executor, addresses=("0.0.0.0:0",), doors=Doors(insecure=True)) as daemon,
        connect(f"127.0.0.1:{daemon.addresses[0].port}") as connection,
    ):
        assert connection.info.name == "memory"
    assert "open to everybody" in caplog.text


async def test_two_daemons_cannot_share_a_port(executor: MemoryExecutor) -> None:
    async with serving(executor, addresses=("127.0.0.1:0",)) as daemon:
        taken = str(daemon.addresses[0])
        with pytest.raises(PreconditionError, match=r"cannot listen on .*: Address already in use"):
            async with serving(executor, addresses=(taken,)):
                pass


async def test_a_daemon_that_fails_to_start_leaves_no_socket(
    executor: MemoryExecutor, address: str, short_tmp: Path
) -> None:
    async with serving(executor, addresses=("127.0.0.1:0",)) as daemon:
        taken = str(daemon.addresses[0])
        with pytest.raises(PreconditionError):
            async with serving(executor, addresses=(address, taken)):
                pass
    assert not (short_tmp / "s").exists()
