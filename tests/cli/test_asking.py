"""Questions on a terminal: Ctrl-C ends them at once, and only yes is yes."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.cli.conftest import Cli

TIDY = """
import asyncio
from argoexec_cli.cli.asking import confirmed
from argoexec_cli.cli.boundary import guarded
from argoexec_cli.cli.interrupt import tidy_on_interrupt
from argoexec_cli.cli.session import Options, Session

async def work():
    try:
        confirmed("Go on?", "")
    finally:
        print("cleaned up", flush=True)

print(guarded(lambda: asyncio.run(tidy_on_interrupt(Session(Options()), work())), []))
"""


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Give our end and their end of a terminal."""
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def until(child: subprocess.Popen[bytes], text: bytes) -> bytes:
    """Read what *child* says on stderr until it has asked."""
    assert child.stderr is not None
    said, deadline = b"", time.monotonic() + 60
    while text not in said:
        assert time.monotonic() < deadline, said
        if select.select([child.stderr], [], [], 0.2)[0]:
            said += os.read(child.stderr.fileno(), 4096)
    return said


def interrupted(child: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Interrupt *child*; return what it writes until its end."""
    child.send_signal(signal.SIGINT)
    try:
        return child.communicate(timeout=60)
    finally:
        child.kill()


def test_ctrl_c_at_a_question_ends_the_command(cli: Cli, terminal: tuple[int, int]) -> None:
    cli.pod("asked-about", "true", "-n", "asking")
    pipe = subprocess.PIPE
    words = ("delete", "--all", "-n", "asking")
    with cli.start(*words, stdin=terminal[1], stdout=pipe, stderr=pipe) as child:
        until(child, b"[y/N] ")
        assert interrupted(child) == (b"", b"\n")
    assert child.returncode == 130
    assert cli("get", "asked-about", "-n", "asking").code == 0


@pytest.mark.parametrize(("answer", "left"), [(b"n\n", True), (b"\n", True), (b"y\n", False)])
def test_only_yes_is_yes(answer: bytes, left: bool, cli: Cli, terminal: tuple[int, int]) -> None:
    cli.pod("asked", "true", "--wait", "-n", "answers")
    pipe = subprocess.PIPE
    words = ("delete", "--all", "-n", "answers")
    with cli.start(*words, stdin=terminal[1], stdout=pipe, stderr=pipe) as child:
        assert until(child, b"[y/N] ") == b"Delete 1 runs and pods? [y/N] "
        os.write(terminal[0], answer)
        child.communicate(timeout=60)
    assert child.returncode == 0
    assert bool(cli("list", "-n", "answers").out) is left


def test_ctrl_c_at_a_question_cleans_up_first(terminal: tuple[int, int]) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", TIDY],
        stdin=terminal[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        until(child, b"[y/N] ")
        out, err = interrupted(child)
    assert out == b"cleaned up\n130\n"
    assert b"Traceback" not in err
    assert b"retrieved" not in err
