"""Logs: every byte once, in order, live, whatever the task writes and wherever reading goes on."""

from __future__ import annotations

import asyncio
import time

import pytest

from argoexec_cli.errors import NotFoundError
from argoexec_cli.models.logs import STDERR, STDOUT
from argoexec_cli.runtime.base import ContainerKey, Handle, Runtime
from tests.runtime.conformance.harness import (
    OWNER,
    Harness,
    Reopen,
    next_batch,
    read,
    read_until,
    runs,
    text,
    within,
)

_BATCH_BYTES = 256 * 1024


def counted(count: int) -> bytes:
    """Return what the task `count` prints."""
    return b"".join(b"%d\n" % number for number in range(1, count + 1))


class LogCases(Harness):
    """What `logs` gives."""

    async def test_both_streams_are_told_apart(self, runtime: Runtime) -> None:
        handle = await self.begin(runtime, self.task("both"))
        batches = await read(runtime, handle)
        assert text(batches, STDOUT) == b"out\nout2\n"
        assert text(batches, STDERR) == b"err\n"

    async def test_lines_carry_the_time_at_which_they_were_written(self, runtime: Runtime) -> None:
        before = time.time_ns()
        handle = await self.begin(runtime, self.task("tick", 40))
        times = [run.time_ns for run in runs(await read(runtime, handle))]
        assert times == sorted(times)
        assert before < times[0] < times[-1] < time.time_ns()
        assert times[-1] - times[0] > 90_000_000

    @pytest.mark.parametrize("follow", [True, False], ids=["follow", "once"])
    async def test_many_lines_in_order(self, runtime: Runtime, follow: bool) -> None:
        handle = await self.begin(runtime, self.task("count", 50_000))
        await within(runtime.wait(handle))
        batches = await read(runtime, handle, follow=follow)
        assert text(batches) == counted(50_000)
        assert max(sum(len(run.data) for run in batch.runs) for batch in batches) <= _BATCH_BYTES
        assert len(batches) < 1000, "a burst of lines came line by line"

    async def test_follow_from_the_start_of_a_burst_loses_nothing(self, runtime: Runtime) -> None:
        handle = await self.begin(runtime, self.task("count", 50_000))
        batches = await read(runtime, handle)
        assert text(batches) == counted(50_000)

    async def test_a_line_comes_while_the_task_goes_on(self, runtime: Runtime) -> None:
        handle = await self.begin(runtime, self.task("stubborn"))
        await within(read_until(runtime, handle, b"ready\n"))
        assert text(await read(runtime, handle, follow=False)) == b"ready\n"
        assert [found.state for found in await runtime.list()] == ["running"]

    async def test_two_followers_get_the_same(self, runtime: Runtime) -> None:
        handle = await self.begin(runtime, self.task("tick", 10))
        both = await asyncio.gather(read(runtime, handle), read(runtime, handle))
        assert [text(batches) for batches in both] == [counted(10)] * 2

    async def test_reading_goes_on_at_every_position(self, runtime: Runtime) -> None:
        # On a busy machine all lines of a short task may come at once.
        for count in (20, 100, 400):
            handle = await self.begin(runtime, self.task("tick", count))
            batches = await read(runtime, handle)
            if len(batches) > 1:
                break
        assert len(batches) > 1
        for number, batch in enumerate(batches):
            rest = await read(runtime, handle, batch.position)
            assert text(rest) == text(batches[number + 1 :])
            assert [one.position for one in rest[-1:]] == [
                one.position for one in batches[number + 1 :][-1:]
            ]

    async def test_another_runtime_goes_on_where_one_stopped(
        self, runtime: Runtime, reopen: Reopen
    ) -> None:
        handle = await self.begin(runtime, self.task("tick", 60))
        async with reopen(OWNER) as first:
            batch = await next_batch(first, handle)
        assert batch is not None
        async with reopen(OWNER) as second:
            rest = await read(second, handle, batch.position)
        assert text([batch, *rest]) == counted(60)

    async def test_bytes_come_as_they_were_written(self, runtime: Runtime) -> None:
        written = bytes(range(256)).replace(b"%", b"") + b"\n\n\xff\xfe\n"
        escaped = "".join(f"\\x{byte:02x}" for byte in written)
        _, output = await self.run(runtime, self.task("printf", escaped))
        assert output == written

    async def test_carriage_returns_stay_inside_their_line(self, runtime: Runtime) -> None:
        handle = await self.begin(runtime, self.task("printf", r"10%%\r20%%\r\ndone\n"))
        batches = await read(runtime, handle)
        assert text(batches) == b"10%\r20%\r\ndone\n"
        assert all(run.data.endswith(b"\n") for run in runs(batches))

    async def test_no_newline_is_invented_at_the_end(self, runtime: Runtime) -> None:
        _, output = await self.run(runtime, self.task("printf", r"one\n\ntwo"))
        assert output == b"one\n\ntwo"

    @pytest.mark.parametrize("size", [16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 1_000_000])
    async def test_long_lines_come_whole_or_in_pieces(self, runtime: Runtime, size: int) -> None:
        handle = await self.begin(runtime, self.task("long", size))
        batches = await read(runtime, handle)
        assert text(batches) == b"x" * size + b"\nend\n"
        assert max(sum(len(run.data) for run in batch.runs) for batch in batches) <= _BATCH_BYTES

    async def test_a_task_that_prints_nothing_has_an_empty_log(self, runtime: Runtime) -> None:
        handle = await self.begin(runtime, self.task("exit", 0))
        assert await read(runtime, handle) == []
        assert await read(runtime, handle, follow=False) == []

    async def test_follow_ends_when_the_container_is_removed(self, runtime: Runtime) -> None:
        handle = await self.begin(runtime, self.task("stubborn"))
        position = await read_until(runtime, handle, b"ready")
        rest = asyncio.ensure_future(read(runtime, handle, position))
        await asyncio.sleep(0.05)
        await runtime.remove(handle)
        assert await within(rest) == []

    async def test_unknown_container_has_no_log(self, runtime: Runtime) -> None:
        nobody = Handle(id="0" * 64, key=ContainerKey(pod_uid="nobody", container="main"))
        with pytest.raises(NotFoundError):
            await read(runtime, nobody, follow=False)
