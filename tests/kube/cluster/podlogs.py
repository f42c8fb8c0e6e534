"""Logs of pods' containers, as the kubelet serves them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

LogKey = tuple[str, str, str]
"""Namespace, pod, container."""


class LogLine(NamedTuple):
    """A line, with its newline if it has one, and its time in nanoseconds since the epoch."""

    time_ns: int
    text: bytes
    stream: str = "Stdout"

    def stamped(self) -> bytes:
        """Return the line as `timestamps=true` shows it."""
        return rfc3339(self.time_ns).encode() + b" " + self.text


class PodLogs:
    """What containers have written. Every method may be called from any thread."""

    def __init__(self) -> None:
        """Start without any log."""
        self.listeners: set[Callable[[], None]] = set()
        self._lock = threading.Lock()
        self._lines: dict[LogKey, list[LogLine]] = {}
        self._ended: set[LogKey] = set()

    def start(self, key: LogKey) -> None:
        """Have an empty log from now on."""
        with self._lock:
            self._lines[key] = []
            self._ended.discard(key)
        self._wake()

    def write(self, key: LogKey, text: bytes, time_ns: int, stream: str = "Stdout") -> None:
        """Add lines that were written at one time."""
        with self._lock:
            lines = self._lines.setdefault(key, [])
            pieces = text.split(b"\n")
            lines += [LogLine(time_ns, line + b"\n", stream) for line in pieces[:-1]]
            lines += [LogLine(time_ns, line, stream) for line in pieces[-1:] if line]
        self._wake()

    def end(self, key: LogKey) -> None:
        """Say that nothing more will come; who follows is let go."""
        with self._lock:
            self._ended.add(key)
        self._wake()

    def drop(self, namespace: str, pod: str) -> None:
        """Forget the logs of a pod that is gone."""
        with self._lock:
            for key in [key for key in self._lines if key[:2] == (namespace, pod)]:
                del self._lines[key]
        self._wake()

    def read(self, key: LogKey) -> tuple[list[LogLine] | None, bool]:
        """Return all lines (None: no log yet), and whether that is all."""
        with self._lock:
            lines = self._lines.get(key)
            return (None if lines is None else list(lines)), key in self._ended

    def _wake(self) -> None:
        for listener in tuple(self.listeners):
            listener()


def rfc3339(time_ns: int) -> str:
    """Return a time with nine digits after the point, as Go's RFC3339Nano without the cutting."""
    seconds, nanos = divmod(time_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanos:09d}Z"
