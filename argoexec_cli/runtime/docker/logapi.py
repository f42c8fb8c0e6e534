"""Reads a container's log through the Engine API.

Works with any engine and log driver, at the price of a connection a reader.

The API cannot resume. Each request begins at the start, and the entries that were read already are
dropped by their number.
"""

from __future__ import annotations

import calendar
import re
import struct
import time
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Final

from argoexec_cli.errors import NotFoundError, UnavailableError, UnsupportedError
from argoexec_cli.models.logs import STDOUT, LogRun
from argoexec_cli.runtime.base import Handle, LogBatch
from argoexec_cli.runtime.docker.engine import Answer, Engine
from argoexec_cli.runtime.docker.http import aiohttp
from argoexec_cli.runtime.docker.position import Position
from argoexec_cli.runtime.docker.refusals import refused
from argoexec_cli.runtime.pace import Pace

_GONE: Final = frozenset({404, 409})
_PIECE: Final = 16 * 1024
_TERMINAL_LINE: Final = re.compile(rb"[^\n]*\n")
_HEADER: Final = struct.Struct(">BxxxI")
_PAUSES_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0)


class ApiLog:
    """A place in one container's log.

    `is_complete` says whether the last `read` came to an orderly end.
    """

    def __init__(self, engine: Engine, handle: Handle, entries: int) -> None:
        """Begin after *entries* entries."""
        self._engine = engine
        self._handle = handle
        self._entries = entries
        self._fruitless = 0
        self._has_begun = False
        self.is_complete = False

    async def read(self, *, follow: bool) -> AsyncIterator[LogBatch]:
        """Read what there is and, with *follow*, what comes until the stream ends or breaks.

        A broken stream ends the reading with *follow*; without, it is UnavailableError.
        """
        self.is_complete = False
        params = {"stdout": "1", "stderr": "1", "timestamps": "1", "follow": "1" if follow else "0"}
        path = f"/containers/{self._handle.id}/logs"
        try:
            async with self._engine.stream("GET", path, params) as stream:
                if stream.status >= 400:
                    await self._refuse(stream)
                else:
                    self._has_begun = True
                    async for batch in self._batches(stream.content):
                        self._fruitless = 0
                        yield batch
            self.is_complete = True
        except UnavailableError:
            if not follow:
                raise

    def pause_s(self) -> float:
        """How long to wait before the next `read`: longer each time that nothing came of it."""
        self._fruitless += 1
        return _PAUSES_S[min(self._fruitless, len(_PAUSES_S)) - 1]

    async def _batches(self, content: aiohttp.StreamReader) -> AsyncIterator[LogBatch]:
        skip, buffer, pace, lines = self._entries, b"", Pace(), LongLines()
        while (data := await content.readany()) or _is_unfinished(buffer):
            runs, used = parse_entries(buffer := buffer + data)
            if not data:  # a terminal's last line, which has no end
                runs, used = [run_of(STDOUT, buffer)], len(buffer)
            lines.mend(runs)
            buffer = buffer[used:]
            dropped = min(skip, len(runs))
            skip -= dropped
            if not (fresh := runs[dropped:]):
                continue
            self._entries += len(fresh)
            batch = LogBatch(fresh, str(Position(self._entries, -1)))
            pace.note(batch)
            yield batch
            await pace.wait()

    async def _refuse(self, stream: aiohttp.ClientResponse) -> None:
        """Raise for a refusal. A container that vanishes while it is read just has no more log."""
        answer = Answer(stream.status, await stream.read())
        if "does not support reading" in answer.message:
            raise UnsupportedError(
                f"container {self._handle.key.object_name} keeps no log that can be read",
                hint="the executor's own containers do; was this one made by hand?",
            )
        what = f"read the log of {self._handle.key.object_name}"
        if answer.status not in _GONE:
            raise refused(answer, what)
        if not self._has_begun:
            raise NotFoundError(f"cannot {what}: {answer.message}", hint="docker ps --all")


def parse_entries(buffer: bytes) -> tuple[list[LogRun], int]:
    """Return the whole entries of *buffer* and how many bytes they take up.

    An entry is a header (stream, length) and the time, a space and a line, or a piece of one. The
    log of a terminal has no headers: there an entry is a line.
    """
    if is_headless(buffer):
        return _parse_lines(buffer)
    runs: list[LogRun] = []
    position, end = 0, len(buffer)
    while position + 8 <= end:
        stream, size = _HEADER.unpack_from(buffer, position)
        start, stop = position + 8, position + 8 + size
        if stop > end:
            break
        runs.append(run_of(stream, buffer[start:stop]))
        position = stop
    return runs, position


def is_headless(buffer: bytes) -> bool:
    """Whether *buffer* begins with a time (the engine's years have four digits), not a header."""
    return buffer[:1].isdigit()


def _is_unfinished(buffer: bytes) -> bool:
    return is_headless(buffer) and b" " in buffer


def _parse_lines(buffer: bytes) -> tuple[list[LogRun], int]:
    used = buffer.rfind(b"\n") + 1
    return [run_of(STDOUT, line) for line in _TERMINAL_LINE.findall(buffer[:used])], used


def run_of(stream: int, text: bytes) -> LogRun:
    """Take the time from the front of an entry's text."""
    blank = text.index(b" ")
    fraction = int(text[20 : blank - 1].ljust(9, b"0"))
    time_ns = _seconds(text[:19]) * 1_000_000_000 + fraction
    return LogRun(time_ns, stream, text[blank + 1 :])


class LongLines:
    """Gives long lines back the newline that engines before 23.0 lose in the `local` driver's log.

    The engine cuts lines into pieces of exactly 16 KiB and a shorter rest, which has the newline.
    Where the rest comes without, it is put back. A task that ends with an unfinished line of more
    than 16 KiB gets one that it did not write: the API does not tell the two apart.
    """

    def __init__(self) -> None:
        """Begin at the start of a log: no stream is inside a line."""
        self._inside: set[int] = set()

    def mend(self, runs: list[LogRun]) -> None:
        """Look at the entries that follow, in place."""
        for index, run in enumerate(runs):
            if len(run.data) == _PIECE and not run.data.endswith(b"\n"):
                self._inside.add(run.stream)
            elif run.stream in self._inside:
                self._inside.remove(run.stream)
                if not run.data.endswith(b"\n"):
                    runs[index] = run._replace(data=run.data + b"\n")


@lru_cache(maxsize=64)
def _seconds(text: bytes) -> int:
    """Count the seconds to a time like 2026-01-31T12:00:00 (UTC)."""
    return calendar.timegm(time.strptime(text.decode(), "%Y-%m-%dT%H:%M:%S"))
