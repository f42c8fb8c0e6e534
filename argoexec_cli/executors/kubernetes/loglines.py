"""The log lines of a cluster, each with its time in front, as our runs. Pure.

A cursor is `time.count`: the time of the last line, in nanoseconds, and how many lines of that very
time were read. A cluster cannot tell the streams apart: everything counts as stdout.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from argoexec_cli.errors import InvalidError
from argoexec_cli.models.logs import STDOUT, LogChunk, LogRun, make_chunk

_CURSOR: Final = re.compile(r"(\d{1,19})\.(\d{1,9})")
_STAMP: Final = re.compile(
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ", re.ASCII
)


class Position(NamedTuple):
    """Where reading goes on: after so many lines of that time."""

    time_ns: int = 0
    lines: int = 0

    def __str__(self) -> str:
        """Render as a cursor."""
        return f"{self.time_ns}.{self.lines}"


def parse_cursor(cursor: str) -> Position:
    """Return the position of a cursor. `InvalidError` for something that is none."""
    match = _CURSOR.fullmatch(cursor)
    if cursor and match is None:
        raise InvalidError(f"{cursor[:40]!r} is not a log cursor", hint="leave it out")
    return Position(int(match[1]), int(match[2])) if match else Position()


def since_time(time_ns: int) -> str:
    """Return the whole second in which *time_ns* is: what the API takes."""
    return f"{datetime.fromtimestamp(time_ns // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"


class Lines:
    """Takes a log apart that comes in pieces; skips what was read before."""

    def __init__(self, after: Position, since_ns: int = 0) -> None:
        """Go on *after* a position, with nothing from before *since_ns*."""
        self._after, self._since_ns = after, since_ns
        self._seen = 0
        self._rest = b""
        self.position = after

    def feed(self, piece: bytes) -> LogChunk | None:
        """Return the lines that *piece* completes, if any are new."""
        *whole, self._rest = (self._rest + piece).split(b"\n")
        return self._chunk([line + b"\n" for line in whole])

    def end(self) -> LogChunk | None:
        """Return what came without a newline at its end."""
        rest, self._rest = self._rest, b""
        return self._chunk([rest]) if rest else None

    def _chunk(self, lines: list[bytes]) -> LogChunk | None:
        runs = [run for run in map(_run, lines) if self._is_new(run)]
        return make_chunk(runs, str(self.position)) if runs else None

    def _is_new(self, run: LogRun) -> bool:
        time_ns = run.time_ns
        if time_ns < max(self._after.time_ns, self._since_ns):
            return False
        if time_ns == self._after.time_ns:
            self._seen += 1
            if self._seen <= self._after.lines:
                return False
        count = self.position.lines if time_ns == self.position.time_ns else 0
        self.position = Position(time_ns, count + 1)
        return True


def _run(line: bytes) -> LogRun:
    match = _STAMP.match(line)
    if match is None:
        return LogRun(0, STDOUT, line)
    whole = datetime.fromisoformat(match[1].decode() + match[3].decode().replace("Z", "+00:00"))
    nanos = int((match[2] or b"0").ljust(9, b"0"))
    return LogRun(int(whole.timestamp()) * 1_000_000_000 + nanos, STDOUT, line[match.end() :])
