"""A file that a child process says everything into, so that it can go on when we are killed.

Into a pipe it could not: the next word would end it. The file is locked as long as the child has it
open, however either of us ends, and so it also tells whether an earlier child is still at work.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from argoexec_cli.errors import PreconditionError

_PAUSE_S: Final = 0.1
_READ_BYTES: Final = 65_536
Sink = Callable[[bytes], None]


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """Empty the journal (0600) and give it to write to: hand it to the child inside.

    `PreconditionError` while an earlier child has it.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        if not _locked(file):
            raise PreconditionError(
                f"an earlier run still writes to {path}", hint=f"wait for it: fuser {path}"
            )
        os.ftruncate(file, 0)
        yield file
    finally:
        os.close(file)


async def follow(path: Path, ended: Callable[[], bool], sink: Sink) -> None:
    """Pass on what is written there, from the beginning to all that there is when *ended* is so."""
    with path.open("rb") as file:
        while True:
            last = ended()
            while data := file.read(_READ_BYTES):
                sink(data)
            if last:
                return
            await asyncio.sleep(_PAUSE_S)


def held(path: Path) -> bool:
    """Whether a child has the journal open."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _locked(file)
    finally:
        os.close(file)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
