"""Further commands in containers on containerd: streams, terminals, ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from argoexec_cli.errors import PreconditionError
from argoexec_cli.models.exec import Process, TerminalSize
from argoexec_cli.models.logs import STDERR, STDOUT
from argoexec_cli.runtime.base import Handle, Security
from argoexec_cli.runtime.containerd import ContainerdOptions, open_containerd
from argoexec_cli.runtime.containerd.native_exec import ExecKey
from argoexec_cli.runtime.containerd.runtime import ContainerdRuntime
from argoexec_cli.runtime.exec import ExecSpec
from tests.engines.containerd import ContainerdEngine
from tests.runtime.conformance.harness import Harness, within

pytestmark = pytest.mark.containerd


async def whole(process: Process) -> tuple[int, bytes, bytes]:
    """Return exit code, stdout and stderr."""
    streams = {STDOUT: b"", STDERR: b""}
    async for output in process.output():
        streams[output.stream] += output.data
    return await process.exit_code(), streams[STDOUT], streams[STDERR]


class TestExec(Harness):
    """In a container that sleeps."""

    has_files = True
    traps_signals = True

    @pytest_asyncio.fixture
    async def runtime(
        self, containerd_engine: ContainerdEngine
    ) -> AsyncIterator[ContainerdRuntime]:
        """Give the runtime under test."""
        engine = containerd_engine
        options = ContainerdOptions(host=engine.url, cgroup_parent=engine.cgroup_parent)
        async with open_containerd("execs", engine.pods, options) as runtime:
            yield runtime
            execs = engine.pods / "execs" / "execs"
            assert not execs.exists() or list(execs.iterdir()) == []

    @pytest_asyncio.fixture
    async def handle(self, runtime: ContainerdRuntime) -> Handle:
        """Start the container."""
        spec = await self.spec(runtime, self.task("sleep", 600), env=(("WHERE", "inside"),))
        return await runtime.start(spec)

    async def run_in(
        self, runtime: ContainerdRuntime, handle: Handle, script: str
    ) -> tuple[int, bytes, bytes]:
        """Run a script to its end."""
        spec = ExecSpec(command=("sh", "-c", script))
        async with asyncio.timeout(30), runtime.exec(handle, spec) as process:
            return await whole(process)

    async def test_streams_code_and_variables(
        self, runtime: ContainerdRuntime, handle: Handle
    ) -> None:
        script = "echo $WHERE; echo bad >&2; exit 7"
        assert await self.run_in(runtime, handle, script) == (7, b"inside\n", b"bad\n")

    async def test_it_has_the_containers_user_and_privileges(
        self, runtime: ContainerdRuntime
    ) -> None:
        security = Security(user=1001, group=1002, drop_capabilities=("ALL",))
        handle = await self.begin(runtime, self.task("sleep", 600), security=security)
        script = "id -u; id -g; grep -h -e CapBnd -e ^Seccomp: /proc/self/status"
        code, said, _ = await self.run_in(runtime, handle, script)
        assert (code, said.split()) == (
            0,
            [b"1001", b"1002", b"CapBnd:", b"0" * 16, b"Seccomp:", b"2"],
        )

    async def test_much_in_both_directions(
        self, runtime: ContainerdRuntime, handle: Handle
    ) -> None:
        data = bytes(range(256)) * 8192
        spec = ExecSpec(command=("cat",), stdin=True)
        async with asyncio.timeout(30), runtime.exec(handle, spec) as process:

            async def send() -> None:
                await process.write(data)
                await process.close_stdin()

            _, ended = await asyncio.gather(send(), whole(process))
        assert ended == (0, data, b"")

    async def test_input_that_nobody_reads_is_dropped(
        self, runtime: ContainerdRuntime, handle: Handle
    ) -> None:
        spec = ExecSpec(command=("true",), stdin=True)
        async with asyncio.timeout(30), runtime.exec(handle, spec) as process:
            assert (await whole(process))[0] == 0
            await process.write(b"x" * 1_000_000)
            await process.close_stdin()

    async def test_no_input_is_an_end_at_once(
        self, runtime: ContainerdRuntime, handle: Handle
    ) -> None:
        assert await self.run_in(runtime, handle, "cat; echo over") == (0, b"over\n", b"")

    async def test_a_terminal_has_a_size_that_changes(
        self, runtime: ContainerdRuntime, handle: Handle
    ) -> None:
        script = "stty size; read line; stty size; echo $TERM; exit 3"
        spec = ExecSpec(
            command=("sh", "-c", script),
            stdin=True,
            tty=True,
            size=TerminalSize(columns=90, rows=30),
        )
        async with asyncio.timeout(30), runtime.exec(handle, spec) as process:
            said = b""
            async for output in process.output():
                assert output.stream == STDOUT
                said += output.data
                if said == b"30 90\r\n":
                    await process.resize(TerminalSize(columns=50, rows=20))
                    await process.write(b"go\n")
            assert await process.exit_code() == 3
        assert said == b"30 90\r\ngo\r\n20 50\r\nxterm\r\n"

    @pytest.mark.parametrize(
        ("command", "code"), [("no-such", 127), ("/no/such", 127), ("/etc/passwd", 126)]
    )
    async def test_a_command_that_cannot_start_is_one_that_has_ended(
        self, runtime: ContainerdRuntime, handle: Handle, command: str, code: int
    ) -> None:
        async with asyncio.timeout(30), runtime.exec(handle, ExecSpec(command=(command,))) as it:
            ended, said, why = await whole(it)
        assert (ended, said) == (code, b"")
        assert command.encode() in why

    async def test_leaving_ends_the_command_and_what_it_started(
        self, runtime: ContainerdRuntime, handle: Handle
    ) -> None:
        spec = ExecSpec(command=("sh", "-c", "sleep 4.25 & echo ready; sleep 4.25"))
        async with asyncio.timeout(30), runtime.exec(handle, spec) as process:
            async for output in process.output():
                assert output.data == b"ready\n"
                break
        _, listed, _ = await self.run_in(runtime, handle, "ps")
        assert b"4.25" not in listed

    async def test_a_death_by_signal_and_a_container_that_goes(
        self, runtime: ContainerdRuntime, handle: Handle
    ) -> None:
        assert (await self.run_in(runtime, handle, "kill -9 $$"))[0] == 137
        spec = ExecSpec(command=("sleep", "600"))
        async with asyncio.timeout(30), runtime.exec(handle, spec) as process:
            await runtime.remove(handle)
            assert (await within(whole(process)))[0] == 137
        with pytest.raises(PreconditionError, match="does not run"):
            await self.run_in(runtime, handle, "true")

    async def test_who_is_cut_off_while_it_starts_leaves_nothing(
        self, runtime: ContainerdRuntime, handle: Handle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = runtime._execs._calls
        start = calls.start

        async def cut_off(key: ExecKey) -> int:
            await start(key)
            raise asyncio.CancelledError

        with monkeypatch.context() as lost, pytest.raises(asyncio.CancelledError):
            lost.setattr(calls, "start", cut_off)
            async with runtime.exec(handle, ExecSpec(command=("sleep", "4.75"))):
                pass
        _, listed, _ = await self.run_in(runtime, handle, "ps")
        assert b"4.75" not in listed
