"""Shows the steps of making hosts: a live picture on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self

from argoexec_cli.cli.live import Live
from argoexec_cli.cli.session import Session
from argoexec_cli.compute.events import Step

_MARKS: Final = {"done": "✔", "changed": "✔", "skipped": "=", "failed": "✖"}
_EVERY_S: Final = 0.1
Key = tuple[str, str, str]


class StepDisplay:
    """Use as a context manager and give `show` to whoever tells of steps. All goes to stderr."""

    def __init__(self, session: Session) -> None:
        """Show nothing yet. With --quiet only failures are shown, as the error in the end."""
        self._session = session
        live = sys.stderr.isatty() and not session.options.quiet
        self._live = Live(sys.stderr) if live else None
        self._running: dict[Key, tuple[Step, float]] = {}
        self._said: dict[Key, str] = {}
        self._drawn = 0.0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the live picture away; what has ended stays on the screen."""
        if self._live is not None:
            self._live.draw("")

    def show(self, step: Step) -> None:
        """Show that *step* happened."""
        key = (step.source, step.subject, step.action)
        if step.state in _MARKS:
            began = self._running.pop(key, (step, time.monotonic()))[1]
            self._ended(step, time.monotonic() - began)
        elif key not in self._running:
            self._running[key] = (step, time.monotonic())
            if self._live is None and step.state == "waiting":
                self._waits(key, step)
        else:
            self._running[key] = (step, self._running[key][1])
            if self._live is None:
                self._waits(key, step)
        self._draw(force=step.state in _MARKS)

    def _ended(self, step: Step, seconds: float) -> None:
        if step.source == "ansible" and step.state in ("done", "skipped"):
            return  # nothing changed: one of a hundred tasks
        detail = f": {step.detail}" if step.detail else ""
        took = f"  {seconds:.1f} s" if seconds >= _EVERY_S else ""
        line = f"{_MARKS[step.state]} {_name(step)}{detail}{took}"
        if self._live is not None:
            self._live.draw("")
        self._session.say(line)

    def _waits(self, key: Key, step: Step) -> None:
        if self._said.get(key) != step.detail:
            self._said[key] = step.detail
            self._session.say(f"  {_name(step)}: {step.detail}")

    def _draw(self, *, force: bool) -> None:
        if self._live is None:
            return
        now = time.monotonic()
        if not force and now - self._drawn < _EVERY_S:
            return
        self._drawn = now
        lines = (
            f"… {_name(step)}{f': {step.detail}' if step.detail else ''}  {now - began:.0f} s"
            for step, began in self._running.values()
        )
        self._live.draw("\n".join(lines))


def _name(step: Step) -> str:
    subject = f"{step.subject}: " if step.subject else ""
    return f"{step.source:<9} {subject}{step.action}"
