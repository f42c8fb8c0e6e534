"""Log files: one per attempt of a container, one pump writes it, any number follow it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final, NamedTuple

from argoexec_cli.aio import Signal
from argoexec_cli.errors import CapacityError, UnavailableError
from argoexec_cli.executors.local import reading
from argoexec_cli.executors.local.blocks import block_size, decode_blocks, encode_block
from argoexec_cli.models.logs import STDOUT, LogChunk, LogQuery, LogRun, make_chunk
from argoexec_cli.runtime.base import ContainerKey

_GULP: Final = 1 << 20


class LogStore:
    """All log files below one directory. Only one daemon writes there (the data directory is
    locked).
    """

    def __init__(self, directory: Path) -> None:
        """Use *directory*, which is made when the first line comes."""
        self._directory = directory
        self._signals: dict[str, dict[ContainerKey, Signal]] = {}

    def path(self, key: ContainerKey) -> Path:
        """Return where the log of this attempt is."""
        return self._directory / key.pod_uid / f"{key.container}.{key.attempt}.log"

    async def open(self, key: ContainerKey) -> LogWriter:
        """Open the log for appending, after dropping what a crash left half-written at its end."""
        return await asyncio.to_thread(LogWriter.open, self.path(key), self._signal(key))

    def finished(self, pod_uid: str, key: ContainerKey | None = None) -> None:
        """Tell the followers of one container, or of the whole pod, that nothing more will come."""
        if key is None:
            signals = self._signals.pop(pod_uid, {})
        else:
            mine = self._signals.get(pod_uid, {})
            signals = {key: mine.pop(key)} if key in mine else {}
        for signal in signals.values():
            signal.fire()

    async def read(
        self, key: ContainerKey, query: LogQuery, ended: Callable[[], bool]
    ) -> AsyncIterator[LogChunk]:
        """Stream the log as *query* asks; with `follow`, until *ended* says that it is complete.

        A follower who finds nothing gets an empty chunk at once, whose cursor is where it waits.
        Memory is bounded by one chunk, whatever the reader's speed.
        """
        path = self.path(key)
        place: _Place | None = None
        budget = query.limit_bytes or None
        placed = bool(query.cursor)
        while True:
            was_ended = ended()
            wake = self._signal(key).next() if query.follow and not was_ended else None
            chunk, after = await asyncio.to_thread(_next, path, query, place, key.attempt)
            place = after
            if chunk is not None:
                chunk = reading.since(chunk, query.since_ns)
                if budget is not None:
                    chunk, budget = reading.limit(chunk, budget)
                if chunk.data:
                    placed = True
                    yield chunk
                if budget == 0 or (was_ended and not reading.bytes_after(path, after.offset)):
                    return
            elif wake is None:
                if was_ended:
                    reading.check_end(path, after.offset)
                return
            else:
                if not placed:
                    placed = True
                    yield make_chunk([], f"{key.attempt}.{after.offset}.0")
                await wake()

    def _signal(self, key: ContainerKey) -> Signal:
        return self._signals.setdefault(key.pod_uid, {}).setdefault(key, Signal())

    async def result(self, key: ContainerKey, limit_bytes: int) -> bytes:
        """Return the last *limit_bytes* of stdout, without its last newline (one), as Argo's
        `outputs.result` has it.
        """
        data = await asyncio.to_thread(
            reading.tail_of_stream, self.path(key), STDOUT, limit_bytes + 1
        )
        return data.removesuffix(b"\n")[-limit_bytes:]

    async def remove(self, pod_uid: str) -> None:
        """Delete the logs of all containers of a pod. Unknown: nothing to do."""
        await asyncio.to_thread(shutil.rmtree, self._directory / pod_uid, ignore_errors=True)

    async def remove_attempt(self, key: ContainerKey) -> None:
        """Delete the log of one attempt. Unknown: nothing to do."""
        await asyncio.to_thread(self.path(key).unlink, missing_ok=True)

    async def sizes(self, pod_uids: list[str]) -> list[int]:
        """Return how many bytes each pod's logs take on disk."""
        return await asyncio.to_thread(
            lambda: [_size(self._directory / pod_uid) for pod_uid in pod_uids]
        )


class _Place(NamedTuple):
    """Where to read on, and what of the first chunk there comes before."""

    offset: int
    skipped: reading.Skip


def _next(
    path: Path, query: LogQuery, place: _Place | None, attempt: int
) -> tuple[LogChunk | None, _Place]:
    """Return the chunk at *place*, at first where *query* begins, and the place after it."""
    if place is None:
        place = _Place(*reading.start(path, query))
    chunk, offset = reading.next_chunk(path, place.offset, place.skipped, attempt)
    return chunk, place if chunk is None else _Place(offset, reading.Skip())


class LogWriter:
    """Appends blocks to one log. `position` is the runtime's position after what is stored: where
    to read on.
    """

    def __init__(self, path: Path, file: int, position: str, signal: Signal) -> None:
        """Use `open`."""
        self._path = path
        self._file = file
        self._size = os.fstat(file).st_size
        self._signal = signal
        self.position = position

    @classmethod
    def open(cls, path: Path, signal: Signal) -> LogWriter:
        """Open *path*, making it if it is new. `CapacityError` when the disk is full,
        `UnavailableError` otherwise.
        """
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                return cls(path, file, _recover(file), signal)
            except OSError:
                os.close(file)
                raise
        except OSError as exc:
            raise _translate(exc, path) from exc

    def append(self, runs: list[LogRun], position: str) -> None:
        """Write one block and wake the followers. On an error nothing of it is kept, so it can be
        tried again.
        """
        block = encode_block(runs, position)
        try:
            written = os.write(self._file, block)
            if written != len(block):
                os.ftruncate(self._file, self._size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as exc:
            raise _translate(exc, self._path) from exc
        self._size += len(block)
        self.position = position
        self._signal.fire()

    async def sync(self) -> None:
        """Have everything that was appended on disk when this returns."""
        try:
            await asyncio.to_thread(os.fdatasync, self._file)
        except OSError as exc:
            raise _translate(exc, self._path) from exc

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _recover(file: int) -> str:
    """Cut off what is not a whole block at the end of the file; return the position of the last
    whole one.

    Reads the file once, from its start, and holds no more than a gulp or one block of it.
    """
    size, good, position = os.fstat(file).st_size, 0, ""
    while good < size:
        buffer = os.pread(file, _GULP, good)
        if (whole := block_size(buffer)) > len(buffer):
            buffer = os.pread(file, whole, good)
        before = good
        for block in decode_blocks(memoryview(buffer), check=True):
            good, position = good + block.size, block.position
        if good == before:
            os.ftruncate(file, good)
            break
    return position


def _size(directory: Path) -> int:
    """Return the bytes of all logs there; a log that is removed meanwhile counts as nothing."""
    total = 0
    for path in directory.glob("*.log"):
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def _translate(exc: OSError, path: Path) -> CapacityError | UnavailableError:
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return CapacityError(
            f"no space left for logs in {path.parent.parent}",
            hint=f"free some space: df -h {path.parent.parent}",
        )
    return UnavailableError(
        f"cannot write logs in {path.parent.parent}: {exc.strerror}",
        hint=f"check it: ls -ld {path.parent.parent}",
    )
