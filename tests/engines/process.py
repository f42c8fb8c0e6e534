"""Programs that the engines are made of: start one, wait until it is ready, end it for certain."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path


class NotReadyError(AssertionError):
    """A program did not become ready, or did not end; the message holds the end of its log."""


class Process:
    """A child in a session of its own, so that a Ctrl-C at the tests does not reach it first."""

    def __init__(self, argv: Sequence[str], *, log: Path) -> None:
        """Start *argv* now; what it prints is appended to *log*."""
        self._name = Path(argv[0]).name
        self._log = log
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id, also after the end."""
        return self._child.pid

    def running(self) -> bool:
        """Tell whether it has not ended yet."""
        return self._child.poll() is None

    def wait_until(self, ready: Callable[[], bool], *, limit_s: float = 90.0) -> None:
        """Return once *ready* says so; NotReadyError when the program ends or the time is up."""
        deadline = time.monotonic() + limit_s
        while not ready():
            if not self.running():
                raise NotReadyError(f"{self._name} ended at its start:\n{self._log_tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise NotReadyError(f"{self._name}: not ready in {limit_s} s:\n{self._log_tail()}")
            time.sleep(0.01)

    def stop(self, *, limit_s: float = 60.0) -> None:
        """End it with TERM, after *limit_s* with KILL. Repeatable."""
        if self.running():
            self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it with KILL, as a crash would. Repeatable."""
        self._child.kill()
        self._child.wait()

    def _log_tail(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]
