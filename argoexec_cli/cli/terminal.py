"""The user's terminal, given to a command elsewhere: raw while it runs, as before in any case."""

from __future__ import annotations

import asyncio
import os
import select
import shutil
import signal
import termios
import threading
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

from argoexec_cli.models.exec import TerminalSize

_STDIN: Final = 0
_READ_BYTES: Final = 64 << 10
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


def terminal_size() -> TerminalSize:
    """Return the size of the terminal that the keys come from, which COLUMNS may be wrong about."""
    size = shutil.get_terminal_size()
    with suppress(OSError):
        size = os.get_terminal_size(_STDIN)
    return TerminalSize(columns=size.columns, rows=size.lines)


@contextmanager
def raw(fd: int) -> Iterator[None]:
    """Have the terminal pass every key on, Ctrl-C too, in the block; then restore it."""
    before = termios.tcgetattr(fd)
    tty.setraw(fd, termios.TCSADRAIN)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


@contextmanager
def ends_by_signal() -> Iterator[None]:
    """Have TERM and HUP cancel this task first, so that what is to be restored is; then they end
    the process as they would have done.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in one
    came: list[int] = []

    def on_signal(number: int) -> None:
        came.append(number)
        task.cancel()

    for number in _ENDING:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in _ENDING:
            loop.remove_signal_handler(number)
        for one in came:
            os.kill(os.getpid(), one)


@contextmanager
def resized(on_resize: Callable[[], None]) -> Iterator[None]:
    """Call *on_resize* whenever the terminal's window has another size, in the block."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGWINCH, on_resize)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)


@asynccontextmanager
async def input_of(fd: int) -> AsyncIterator[AsyncIterator[bytes]]:
    """Give what comes from *fd*, piece by piece, until its end; one piece is read ahead.

    A thread reads, because asyncio would make the terminal non-blocking, for output too. It does
    not outlive the block.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes] = asyncio.Queue(1)
    stop_read, stop_write = os.pipe()

    def read() -> None:
        while stop_read not in (ready := select.select([fd, stop_read], [], [])[0]):
            data = _read(fd) if ready else b""
            try:
                asyncio.run_coroutine_threadsafe(queue.put(data), loop).result()
            except (asyncio.CancelledError, RuntimeError):
                return
            if not data:
                return

    async def pieces() -> AsyncIterator[bytes]:
        while data := await queue.get():
            yield data

    thread = threading.Thread(target=read, name="input", daemon=True)
    thread.start()
    try:
        yield pieces()
    finally:
        os.write(stop_write, b".")
        while thread.is_alive():
            while not queue.empty():
                queue.get_nowait()
            await asyncio.sleep(0.001)
        os.close(stop_read)
        os.close(stop_write)


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, _READ_BYTES)
    except OSError:  # a terminal that is gone
        return b""
