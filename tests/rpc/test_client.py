"""Streams of the client across daemons that stop and start."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from argoexec_cli.daemon.server import serving
from argoexec_cli.errors import UnavailableError
from argoexec_cli.models.logs import STDOUT, LogChunk, LogQuery, LogRun, make_chunk
from argoexec_cli.models.record import PodQuery, PodRef
from argoexec_cli.rpc.channel import connect
from argoexec_cli.rpc.client import RemoteExecutor
from argoexec_cli.rpc.resume import Patience
from tests.daemon.memory import MemoryExecutor, ref, request

LINES = 500
PATIENT = Patience(first_s=0.01, most_s=0.05, limit_s=60)


@pytest.fixture
def address(short_tmp: Path) -> str:
    """Give the address of a socket that is not there yet."""
    return f"unix://{short_tmp}/s"


async def test_a_watch_survives_a_restart_without_loss_or_repetition(address: str) -> None:
    executor = MemoryExecutor()
    await executor.run_pod(request("a"))
    async with serving(executor, addresses=(address,)) as daemon, connect(address) as connection:
        updates = RemoteExecutor(connection, patience=PATIENT).watch_pods(PodQuery())
        seen = [await anext(updates), await anext(updates)]
        await daemon.stop(0)
        executor.change("a", "Running")
        async with serving(executor, addresses=(address,)):
            seen.append(await anext(updates))
            executor.change("a", "Succeeded")
            seen.append(await anext(updates))
            await updates.aclose()  # type: ignore[attr-defined] # a generator, as all of ours
    assert [update.type for update in seen] == ["ADDED", "SYNCED", "MODIFIED", "MODIFIED"]
    assert seen[2].record is not None
    assert seen[2].record.pod.status.phase == "Running"


async def test_a_followed_log_survives_a_restart_byte_for_byte(address: str) -> None:
    executor = MemoryExecutor()
    await executor.run_pod(request())
    lines = [f"line {number}\n".encode() for number in range(20)]
    received = []
    async with serving(executor, addresses=(address,)) as daemon, connect(address) as connection:
        remote = RemoteExecutor(connection, patience=PATIENT)
        chunks = remote.pod_logs(ref(), LogQuery(follow=True, tail_lines=100, limit_bytes=1000))
        for line in lines[:10]:
            executor.write(line)
            received.append((await anext(chunks)).data)
        await daemon.stop(0)
        for line in lines[10:]:
            executor.write(line)
        executor.end_log()
        async with serving(executor, addresses=(address,)):
            received += [chunk.data async for chunk in chunks]
    assert received == lines
    assert [query.cursor for query in executor.asked] == ["", "10"]
    assert [query.tail_lines for query in executor.asked] == [100, None]
    assert [query.limit_bytes for query in executor.asked] == [1000, 1000 - 70]


async def test_a_limit_that_was_reached_as_the_daemon_left_is_the_end(address: str) -> None:
    executor = MemoryExecutor()
    await executor.run_pod(request())
    executor.write(b"12345\n")
    async with serving(executor, addresses=(address,)) as daemon, connect(address) as connection:
        remote = RemoteExecutor(connection, patience=PATIENT)
        chunks = remote.pod_logs(ref(), LogQuery(follow=True, limit_bytes=6))
        received = [await anext(chunks)]
        await daemon.stop(0)
        received += [chunk async for chunk in chunks]
    assert [chunk.data for chunk in received] == [b"12345\n"]


async def test_a_log_without_cursors_is_not_guessed_at(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = MemoryExecutor()

    async def blind(ref: PodRef, query: LogQuery) -> AsyncIterator[LogChunk]:
        yield make_chunk([LogRun(1, STDOUT, b"x\n")])
        raise UnavailableError("the disk is away")

    monkeypatch.setattr(executor, "pod_logs", blind)
    async with serving(executor, addresses=(address,)), connect(address) as connection:
        chunks = RemoteExecutor(connection, patience=PATIENT).pod_logs(ref(), LogQuery())
        assert (await anext(chunks)).data == b"x\n"
        with pytest.raises(UnavailableError, match="gave no cursor"):
            await anext(chunks)


async def test_it_gives_up_when_the_daemon_stays_away(address: str) -> None:
    executor = MemoryExecutor()
    async with serving(executor, addresses=(address,)) as daemon, connect(address) as connection:
        impatient = Patience(first_s=0.01, most_s=0.01, limit_s=0.05)
        updates = RemoteExecutor(connection, patience=impatient).watch_pods(PodQuery())
        assert (await anext(updates)).type == "SYNCED"
        await daemon.stop(0)
        async with asyncio.timeout(30):
            with pytest.raises(UnavailableError, match=f"no daemon answers at {address}"):
                await anext(updates)


async def test_a_daemon_that_was_killed_is_found_again_when_it_is_back(address: str) -> None:
    with started(address) as first:
        async with connect(address) as connection:
            remote = RemoteExecutor(connection, patience=PATIENT)
            chunks = remote.pod_logs(ref(), LogQuery(follow=True))
            received = [(await anext(chunks)).data for _ in range(3)]
            first.kill()
            first.wait()
            with started(address):
                async with asyncio.timeout(60):
                    received += [chunk.data async for chunk in chunks]
    assert b"".join(received) == b"".join(f"line {n}\n".encode() for n in range(LINES))


async def test_a_slow_client_makes_the_executor_wait(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor, made = MemoryExecutor(), 0
    piece = make_chunk([LogRun(1, STDOUT, b"x" * 65_535 + b"\n")], "c")

    async def endless(ref: PodRef, query: LogQuery) -> AsyncIterator[LogChunk]:
        nonlocal made
        while True:
            made += 1
            yield piece

    monkeypatch.setattr(executor, "pod_logs", endless)
    async with serving(executor, addresses=(address,)), connect(address) as connection:
        chunks = RemoteExecutor(connection).pod_logs(ref(), LogQuery())
        await anext(chunks)
        settled, quiet = 0, 0
        async with asyncio.timeout(30):
            while quiet < 10:
                await asyncio.sleep(0.01)
                quiet = quiet + 1 if made == settled else 0
                settled = made
        await chunks.aclose()  # type: ignore[attr-defined] # a generator, as all of ours
    assert settled < 400, "more than 25 MiB wait for a client that reads nothing"


def test_the_client_is_cheap_to_import() -> None:
    program = (
        "import sys, argoexec_cli.rpc.client, argoexec_cli.rpc.workflows_client\n"
        "heavy = {'aiohttp', 'boto3', 'yaml', 'rich', 'typer', 'grpc_health.v1'}\n"
        "sys.stderr.write(','.join(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


@contextmanager
def started(address: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a daemon in a process of its own until the block ends."""
    command = [sys.executable, "-m", "tests.daemon.program", address, str(LINES)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.kill()
