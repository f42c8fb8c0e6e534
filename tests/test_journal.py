"""Children that outlive whoever started them, and what is known of them."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from argoexec_cli import journal
from argoexec_cli.errors import PreconditionError
from argoexec_cli.proc import Child, run

# It speaks before and after the word on its fifo; a broken pipe would end it.
SCRIPT = "echo one; echo bad >&2; read line < {go}; echo two; echo worse >&2; echo three"
PARENT = """\
import asyncio, sys
from pathlib import Path
from argoexec_cli.proc import Child, run
child = Child(["sh", "-c", sys.argv[1]], timeout_s=60, journal=Path(sys.argv[2]))
asyncio.run(run(child, on_stdout=lambda data: print("heard", flush=True)))
"""


async def test_what_is_said_is_heard_as_through_a_pipe(tmp_path: Path) -> None:
    heard: list[bytes] = []
    child = Child(
        ["sh", "-c", "echo out; echo err >&2; exit 3"], timeout_s=50, journal=tmp_path / "j.jsonl"
    )
    done = await run(child, on_stdout=heard.append)
    assert (done.stdout, done.stderr, done.exit_code) == (b"out\n", b"err\n", 3)
    assert b"".join(heard) == b"out\n"
    assert (tmp_path / "j.jsonl").stat().st_mode & 0o777 == 0o600
    assert not journal.held(tmp_path / "j.jsonl")
    again = await run(child._replace(argv=["true"]))
    assert again.stdout == b""


async def test_a_child_comes_to_its_end_when_its_parent_is_killed(tmp_path: Path) -> None:
    path, go = tmp_path / "j.jsonl", tmp_path / "go"
    assert not journal.held(path)
    await run(Child(["mkfifo", str(go)], timeout_s=50))
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, SCRIPT.format(go=go), str(path)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    assert await parent.stdout.readline() == b"heard\n"
    parent.send_signal(signal.SIGKILL)
    await parent.wait()

    assert journal.held(path)
    with pytest.raises(PreconditionError, match="an earlier run still writes to"):
        await run(Child(["true"], timeout_s=50, journal=path))
    heard: list[bytes] = []
    following = asyncio.create_task(
        journal.follow(path, lambda: not journal.held(path), heard.append)
    )
    await asyncio.to_thread(go.write_text, "go on\n")
    await following
    assert b"".join(heard) == b"one\ntwo\nthree\n"
    assert path.with_suffix(".err").read_text() == "bad\nworse\n"
