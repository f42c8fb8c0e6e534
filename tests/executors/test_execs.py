"""The power to run commands, directly and over the wire, on the fake runtime."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from argoexec_cli.daemon.server import serving
from argoexec_cli.errors import (
    InvalidError,
    NotFoundError,
    PreconditionError,
    UnavailableError,
    UnsupportedError,
)
from argoexec_cli.executors.local.manager import LocalExecutor, open_local
from argoexec_cli.models.exec import ExecRequest, Execs, Process, TerminalSize
from argoexec_cli.models.logs import STDERR, STDOUT
from argoexec_cli.models.pod import PodSpec
from argoexec_cli.models.record import PodRef
from argoexec_cli.rpc.channel import connect
from argoexec_cli.rpc.exec_client import RemoteExecs
from argoexec_cli.runtime.fake import FakeEngine, open_fake
from tests.daemon.memory import MemoryExecutor
from tests.executors.local.opening import fast_settings
from tests.executors.pods import LIMIT_S, container, ended, eventually, request, run, running


class Bed:
    """An executor, its engine, and one or the other way to its commands."""

    def __init__(self, executor: LocalExecutor, engine: FakeEngine, execs: Execs) -> None:
        self.executor = executor
        self.engine = engine
        self.execs = execs

    async def pod(self, name: str = "a", *names: str) -> PodRef:
        """Run a pod that sleeps."""
        mains = tuple(container("sleep 600", one) for one in names or ("main",))
        spec = PodSpec(containers=mains, termination_grace_period_seconds=0)
        ref = (await self.executor.run_pod(request(name=name, spec=spec))).ref
        await running(self.executor, ref)
        return ref

    async def call(
        self, ref: PodRef, *command: str, container: str = ""
    ) -> tuple[int, bytes, bytes]:
        """Run a command; return exit code, stdout and stderr."""
        wanted = ExecRequest(ref=ref, command=command, container=container)
        async with asyncio.timeout(LIMIT_S), self.execs.exec(wanted) as process:
            return await collected(process)


async def collected(process: Process) -> tuple[int, bytes, bytes]:
    written = {STDOUT: b"", STDERR: b""}
    async for stream, data in process.output():
        written[stream] += data
    return await process.exit_code(), written[STDOUT], written[STDERR]


@pytest_asyncio.fixture(params=["direct", "wire"])
async def bed(
    request: pytest.FixtureRequest, tmp_path: Path, short_tmp: Path
) -> AsyncIterator[Bed]:
    """Give an executor, asked in this process or through a daemon."""
    engine = FakeEngine()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)
        executor = await stack.enter_async_context(
            open_local(fast_settings(tmp_path), lambda owner: open_fake(owner, engine))
        )
        execs: Execs = executor
        if request.param == "wire":
            address = f"unix://{short_tmp}/s"
            await stack.enter_async_context(serving(executor, addresses=(address,), drain_s=1))
            execs = RemoteExecs(await stack.enter_async_context(connect(address)))
        yield Bed(executor, engine, execs)


async def test_streams_and_exit_code(bed: Bed) -> None:
    ref = await bed.pod()
    assert "exec" in (await bed.executor.info()).capabilities
    script = ("sh", "-c", "echo out; echo err >&2; exit 7")
    assert await bed.call(ref, *script) == (7, b"out\n", b"err\n")
    code, out, err = await bed.call(ref, "nope")
    assert (code, out, b"not found" in err) == (127, b"", True)


async def test_input_sizes_and_a_terminal(bed: Bed) -> None:
    ref = await bed.pod()
    wanted = ExecRequest(ref=ref, command=("cat",), stdin=True, tty=True)
    async with asyncio.timeout(LIMIT_S), bed.execs.exec(wanted) as process:
        await process.write(b"typed\n")
        await process.resize(TerminalSize(columns=120, rows=40))
        await process.close_stdin()
        await process.close_stdin()
        assert await collected(process) == (0, b"typed\n120x40\n", b"")


async def test_a_size_may_change_while_input_is_on_its_way(bed: Bed) -> None:
    ref = await bed.pod()
    wanted = ExecRequest(ref=ref, command=("cat",), stdin=True, tty=True)
    async with asyncio.timeout(LIMIT_S), bed.execs.exec(wanted) as process:
        reading = asyncio.ensure_future(collected(process))
        for columns in range(80, 100):
            size = TerminalSize(columns=columns, rows=24)
            await asyncio.gather(process.write(b"typed\n"), process.resize(size))
        await process.close_stdin()
        code, out, _ = await reading
    assert (code, out.count(b"typed\n")) == (0, 20)
    assert out.endswith(b"99x24\n")


async def test_a_hundred_megabytes_both_ways_are_never_held_at_once(bed: Bed) -> None:
    """A writer that nobody reads for stops long before it is done."""
    ref = await bed.pod()
    piece, sent = b"x" * 65_536, 0

    async def feed(process: Process) -> None:
        nonlocal sent
        for _ in range(400):
            await process.write(piece)
            sent += len(piece)
        await process.close_stdin()

    wanted = ExecRequest(ref=ref, command=("cat",), stdin=True)
    async with asyncio.timeout(LIMIT_S), bed.execs.exec(wanted) as process:
        feeding = asyncio.ensure_future(feed(process))
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.2)
        assert sent < 400 * len(piece) // 2
        code, out, _ = await collected(process)
        await feeding
    assert (code, len(out)) == (0, 400 * len(piece))


async def test_what_cannot_be(bed: Bed) -> None:
    ref = await bed.pod("two", "one", "other")
    for kind, wanted in [
        (NotFoundError, ExecRequest(ref=PodRef(name="nobody"), command=("true",))),
        (InvalidError, ExecRequest(ref=ref, command=("true",))),
        (InvalidError, ExecRequest(ref=ref, command=(), container="one")),
        (NotFoundError, ExecRequest(ref=ref, command=("true",), container="third")),
    ]:
        with pytest.raises(kind):
            async with bed.execs.exec(wanted):
                pass
    assert (await bed.call(ref, "true", container="other"))[0] == 0
    over = await run(bed.executor, request("true", "over"))
    with pytest.raises(PreconditionError, match="has ended"):
        await bed.call(over.ref, "true")
    spec = PodSpec(
        containers=(container("true"),), init_containers=(container("sleep 60", "init"),)
    )
    waits = (await bed.executor.run_pod(request(name="waits", spec=spec))).ref

    async def initializing() -> bool:
        return (await bed.call(waits, "true", container="init"))[0] == 0

    await eventually(_unless(initializing))
    with pytest.raises(PreconditionError, match=r"main .* does not run: it waits \(PodInit"):
        await bed.call(waits, "true", container="main")
    await bed.executor.stop_pod(waits, 0)
    await ended(bed.executor, waits)


async def test_a_client_that_leaves_ends_its_command(bed: Bed) -> None:
    ref = await bed.pod()

    async def going_on() -> None:
        async with bed.execs.exec(ExecRequest(ref=ref, command=("sleep", "600"))) as process:
            await collected(process)

    task = asyncio.ensure_future(going_on())

    async def begun() -> bool:
        return _commands() == 1

    await eventually(begun)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    async def over() -> bool:
        return _commands() == 0

    await eventually(over)


async def test_an_executor_without_the_power_says_so(short_tmp: Path) -> None:
    address = f"unix://{short_tmp}/s"
    async with serving(MemoryExecutor(), addresses=(address,)), connect(address) as connection:
        wanted = ExecRequest(ref=PodRef(name="a"), command=("true",))
        with pytest.raises(UnsupportedError, match="memory cannot run commands"):
            async with RemoteExecs(connection).exec(wanted):
                pass


async def test_a_daemon_that_stops_ends_the_command_with_an_error(
    tmp_path: Path, short_tmp: Path
) -> None:
    engine, address = FakeEngine(), f"unix://{short_tmp}/s"
    async with (
        open_local(fast_settings(tmp_path), lambda owner: open_fake(owner, engine)) as executor,
        serving(executor, addresses=(address,), drain_s=1) as daemon,
        connect(address) as connection,
    ):
        bed = Bed(executor, engine, RemoteExecs(connection))
        ref = await bed.pod()
        with pytest.raises(UnavailableError, match="stopping"):
            async with bed.execs.exec(ExecRequest(ref=ref, command=("sleep", "600"))) as process:
                stopping = asyncio.ensure_future(daemon.stop(1))
                await collected(process)
        await stopping
        assert _commands() == 0
    await engine.close()


def _commands() -> int:
    """Count the commands that run in this process."""
    return sum(task.get_name() == "fake command" for task in asyncio.all_tasks())


def _unless(check: Callable[[], Awaitable[bool]]) -> Callable[[], Awaitable[bool]]:
    """Return the same check, with a refusal as False."""

    async def checked() -> bool:
        try:
            return await check()
        except PreconditionError:
            return False

    return checked
