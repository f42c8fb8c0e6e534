"""Log lines in bulk: columns rather than a list of objects, because a task may print millions of
lines.

A *run* is one or more whole lines, or one piece of a line that came in pieces, of one stream and
with one time. A chunk holds many runs: their bytes back to back in `data`, and their lengths, times
and streams in three columns of equal length.
"""

from array import array
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from argoexec_cli.models.base import Model

STDOUT: Final = 1
STDERR: Final = 2


class LogRun(NamedTuple):
    """One run, taken out of its chunk. `time_ns` counts from the Unix epoch (UTC)."""

    time_ns: int
    stream: int
    data: bytes


class LogChunk(msgspec.Struct, frozen=True):
    """A batch of runs in the order in which they were read.

    `lengths` is an array of 'I' (bytes), `times` of 'q' (nanoseconds since the epoch), `streams` of
    'B' (`STDOUT` or `STDERR`). `cursor` resumes strictly after this chunk.
    """

    data: bytes
    lengths: "array[int]"
    times: "array[int]"
    streams: "array[int]"
    cursor: str = ""

    def runs(self) -> Iterator[LogRun]:
        """Take the chunk apart, one run at a time."""
        start = 0
        for length, time_ns, stream in zip(self.lengths, self.times, self.streams, strict=True):
            yield LogRun(time_ns, stream, self.data[start : start + length])
            start += length


class LogQuery(Model):
    """Which part of a container's log.

    An empty `container` means the pod's only one. `tail_lines` counts from the end (None: all),
    `since_ns` is nanoseconds since the epoch, `limit_bytes` ends the stream after that many bytes
    (0: no limit), `cursor` resumes where a chunk ended. With `follow` the stream goes on until the
    container has finished and everything it wrote was sent; it also waits for a pod that has not
    started. `previous` selects the attempt before the last.
    """

    container: str = ""
    follow: bool = False
    tail_lines: int | None = None
    since_ns: int = 0
    limit_bytes: int = 0
    cursor: str = ""
    previous: bool = False


def make_chunk(runs: list[LogRun], cursor: str = "") -> LogChunk:
    """Put runs together into a chunk."""
    return LogChunk(
        b"".join(run.data for run in runs),
        array("I", (len(run.data) for run in runs)),
        array("q", (run.time_ns for run in runs)),
        array("B", (run.stream for run in runs)),
        cursor,
    )
