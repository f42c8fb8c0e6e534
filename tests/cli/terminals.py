"""Commands on a terminal, and waiting for what nobody tells of."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import termios
import time
from collections.abc import Callable

from tests.cli.conftest import Cli


def eventually(check: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, cli: Cli, *words: str, columns: int = 100) -> None:
        self.ours, self.theirs = pty.openpty()
        self.resize(columns, 30)
        self.before = termios.tcgetattr(self.theirs)
        self.child = cli.start(*words, stdin=self.theirs, stdout=self.theirs, stderr=self.theirs)
        self.seen = b""

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def look(self) -> None:
        if select.select([self.ours], [], [], 0.2)[0]:
            self.seen += os.read(self.ours, 65_536)

    def until(self, text: str) -> None:
        deadline = time.monotonic() + 60
        while text.encode() not in self.seen:
            assert time.monotonic() < deadline, (text, self.seen)
            self.look()

    def restored(self) -> bool:
        return termios.tcgetattr(self.theirs) == self.before

    def close(self) -> None:
        self.child.kill()
        self.child.wait()
        os.close(self.ours)
        os.close(self.theirs)
