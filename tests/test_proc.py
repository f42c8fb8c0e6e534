"""Children: what they say, how they end, and that nothing of them is left."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from argoexec_cli.errors import PreconditionError, TimedOutError
from argoexec_cli.proc import Child, ChildFailedError, run
from tests.processes import ends, runs

PYTHON = sys.executable


async def test_output_and_exit_code_are_returned() -> None:
    done = await run(Child(["sh", "-c", "echo out; echo err >&2; exit 3"], timeout_s=50))
    assert (done.stdout, done.stderr, done.exit_code) == (b"out\n", b"err\n", 3)


async def test_output_comes_while_the_child_runs(tmp_path: Path) -> None:
    # The child ends only after its first line was heard: a late delivery would be a timeout.
    go = tmp_path / "go"
    os.mkfifo(go)
    keep_open = os.open(go, os.O_RDWR)
    try:
        script = f"echo one; read line < {go}; echo $line"
        done = await run(
            Child(["sh", "-c", script], timeout_s=50),
            on_stdout=lambda data: None if b"two" in data else _tell(keep_open),
        )
    finally:
        os.close(keep_open)
    assert done.stdout == b"one\ntwo\n"


def _tell(fifo: int) -> None:
    os.write(fifo, b"two\n")


async def test_stdin_is_fed() -> None:
    done = await run(Child(["cat"], timeout_s=50, stdin=b"x" * 200_000))
    assert done.stdout == b"x" * 200_000


async def test_a_child_that_does_not_read_its_stdin_is_no_error() -> None:
    done = await run(Child(["true"], timeout_s=50, stdin=b"x" * 2_000_000))
    assert done.exit_code == 0


async def test_only_the_end_of_endless_output_is_kept() -> None:
    script = "import sys; sys.stdout.write('a' * 3_000_000 + 'end')"
    done = await run(Child([PYTHON, "-c", script], timeout_s=50))
    assert len(done.stdout) == 1_048_576
    assert done.stdout.endswith(b"end")


async def test_check_raises_with_the_last_words() -> None:
    done = await run(Child(["sh", "-c", "echo first >&2; echo last >&2; exit 2"], timeout_s=50))
    with pytest.raises(ChildFailedError, match="sh: exit code 2") as caught:
        done.check()
    assert caught.value.hint == "last"
    assert (await run(Child(["true"], timeout_s=50))).check().exit_code == 0


async def test_a_program_that_is_not_installed_is_named() -> None:
    with pytest.raises(PreconditionError, match="no-such-program is not installed"):
        await run(Child(["/opt/no-such-program"], timeout_s=50))


async def test_a_file_that_is_no_program_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    with pytest.raises(PreconditionError, match="cannot run data: Permission denied"):
        await run(Child([str(tmp_path / "data")], timeout_s=50))


async def test_the_environment_is_replaced_when_it_is_given() -> None:
    done = await run(Child(["/usr/bin/env"], timeout_s=50, env={"ONLY": "this"}))
    assert done.stdout == b"ONLY=this\n"


async def test_the_deadline_ends_the_whole_group(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 600 & echo $! > {pids}; wait"
    with pytest.raises(TimedOutError, match=r"sh did not end within 5 s"):
        await run(Child(["sh", "-c", script], timeout_s=5))
    assert await asyncio.to_thread(ends, int(pids.read_text()))


async def test_a_child_that_ignores_term_is_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = f"trap '' TERM; echo $$ > {ready}; while :; do sleep 600; done"
    with pytest.raises(TimedOutError):
        await run(Child(["sh", "-c", script], timeout_s=5, grace_s=0.2))
    assert await asyncio.to_thread(ends, int(ready.read_text()))


async def test_cancelling_the_call_ends_the_child() -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    child = Child(["sh", "-c", "echo $$; exec sleep 600"], timeout_s=60)
    task = asyncio.ensure_future(run(child, on_stdout=heard.put_nowait))
    async with asyncio.timeout(30):
        pid = int(await heard.get())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(ends, pid)


async def test_what_outlives_its_parent_is_ended_too(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"sleep 600 >/dev/null 2>&1 & echo $! > {pid_file}"
    done = await run(Child(["sh", "-c", script], timeout_s=50))
    assert done.exit_code == 0
    assert await asyncio.to_thread(ends, int(pid_file.read_text()))


async def test_a_child_that_died_of_a_signal_has_a_negative_code() -> None:
    done = await run(Child(["sh", "-c", "kill -9 $$"], timeout_s=50))
    assert done.exit_code == -signal.SIGKILL


@pytest.mark.parametrize("tethered", [True, False])
async def test_a_tethered_child_ends_with_us_though_we_are_killed(tethered: bool) -> None:
    program = (
        "import asyncio; from argoexec_cli.proc import Child, run\n"
        "argv = ['sh', '-c', 'echo $$; exec sleep 600']\n"
        "say = lambda data: print(data.decode(), flush=True)\n"
        f"asyncio.run(run(Child(argv, 600, tethered={tethered}), on_stdout=say))"
    )
    ours = await asyncio.create_subprocess_exec(
        PYTHON, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    assert ours.stdout is not None
    pid = int(await ours.stdout.readline())
    ours.kill()
    await ours.wait()
    if tethered:
        assert await asyncio.to_thread(ends, pid)
    else:
        assert runs(pid)
        os.kill(pid, signal.SIGKILL)


async def test_a_tethered_child_says_how_it_ended_and_hears_nothing() -> None:
    done = await run(Child(["sh", "-c", "cat; echo out; exit 3"], timeout_s=50, tethered=True))
    assert (done.stdout, done.exit_code, done.name) == (b"out\n", 3, "sh")


async def test_a_tethered_child_is_stopped_with_its_group() -> None:
    said: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    child = Child(["sh", "-c", "echo $$; exec sleep 600"], timeout_s=600, tethered=True)
    running = asyncio.ensure_future(run(child, on_stdout=said.set_result))
    pid = int(await said)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await asyncio.to_thread(ends, pid)
