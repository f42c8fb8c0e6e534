"""Writes log chunks to stdout: as they are, or line by line with prefix, time and filter."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import BinaryIO, Final, NamedTuple

from argoexec_cli.errors import InvalidError
from argoexec_cli.models.logs import LogChunk, LogRun

_LONGEST_LINE: Final = 1_048_576


class Decoration(NamedTuple):
    """What to do to each line. Without any of it bytes pass through untouched."""

    timestamps: bool = False
    prefix: bool = False
    grep: str = ""


class LogPrinter:
    """Writes to *out* and flushes after every chunk, so that a follower sees lines at once."""

    def __init__(
        self,
        out: BinaryIO,
        decoration: Decoration,
        *,
        before: Callable[[], None] | None = None,
    ) -> None:
        """Call *before* ahead of each chunk. `InvalidError`: `grep` is no regular expression."""
        self._before = before
        self._out = out
        self._timestamps = decoration.timestamps
        self._prefix = decoration.prefix
        self._pattern = _compile(decoration.grep)
        self._plain = not any(decoration)
        self._open: dict[tuple[str, int], _OpenLine] = {}
        self.mid_line = False
        """Whether what was written last did not end its line."""

    def write(self, chunk: LogChunk, source: str) -> None:
        """Write a chunk of *source* (`pod/NAME/CONTAINER`)."""
        if self._before is not None:
            self._before()
        if self._plain:
            self._put(chunk.data)
        else:
            self._put(b"".join(self._lines(run, source) for run in chunk.runs()))
        self._out.flush()

    def finish(self) -> None:
        """Write the lines that never got their newline."""
        for (source, _), line in self._open.items():
            self._put(self._render(line.data, line.time_ns, source, cont=line.shown))
        self._open.clear()
        self._out.flush()

    def _put(self, data: bytes) -> None:
        self._out.write(data)
        if data:
            self.mid_line = not data.endswith(b"\n")

    def _lines(self, run: LogRun, source: str) -> bytes:
        """Return what can be written now: whole lines, each with the time at which it began."""
        key = (source, run.stream)
        head, newline, tail = run.data.rpartition(b"\n")
        text = head + newline
        written = b""
        if newline and (line := self._open.pop(key, None)):
            first, _, text = text.partition(b"\n")
            whole = line.data + first + b"\n"
            written = self._render(whole, line.time_ns, source, cont=line.shown)
        written += self._render(text, run.time_ns, source)
        if tail:
            line = self._open.setdefault(key, _OpenLine(run.time_ns))
            line.data += tail
            if len(line.data) > _LONGEST_LINE:
                written += self._render(line.data, line.time_ns, source, cont=line.shown)
                line.data, line.shown = b"", True
        return written

    def _render(self, text: bytes, time_ns: int, source: str, *, cont: bool = False) -> bytes:
        if cont or not text:
            return text
        mark = f"[{source}] ".encode() if self._prefix else b""
        if self._timestamps:
            mark += rfc3339_nano(time_ns).encode() + b" "
        if self._pattern is None:
            ends = text.endswith(b"\n")
            body = (text[:-1] if ends else text).replace(b"\n", b"\n" + mark)
            return mark + body + (b"\n" if ends else b"")
        lines = _split(text)
        return b"".join(mark + line for line in lines if self._pattern.search(line.rstrip(b"\n")))


class _OpenLine:
    """A line whose end has not come. `shown`: its beginning was so long that it is out already."""

    def __init__(self, time_ns: int) -> None:
        self.time_ns = time_ns
        self.data = b""
        self.shown = False


def rfc3339_nano(time_ns: int) -> str:
    """Render nanoseconds since the epoch with nine digits of fraction, as the kubelet does."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"{_second(seconds)}.{rest:09d}Z"


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _split(text: bytes) -> list[bytes]:
    """Split at newlines alone, not at the returns of a progress bar."""
    lines = text.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last] if last else [])


def _compile(pattern: str) -> re.Pattern[bytes] | None:
    if not pattern:
        return None
    try:
        return re.compile(pattern.encode())
    except re.error as exc:
        raise InvalidError(
            f"--grep: {pattern!r} is not a regular expression: {exc}",
            hint="escape what is meant literally: \\. \\( \\[ \\*",
        ) from exc
