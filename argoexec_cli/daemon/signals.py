"""SIGINT and SIGTERM, in two stages: the first asks to stop, the second insists."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

WATCHED: Final = (signal.SIGINT, signal.SIGTERM)


class Wish:
    """What was asked of the daemon so far; `ask` may also be called by the program itself."""

    def __init__(self) -> None:
        """Start with no wish."""
        self.stop = asyncio.Event()
        self.now = asyncio.Event()
        self.signal: signal.Signals | None = None

    def ask(self, number: signal.Signals | None = None) -> None:
        """Ask to stop; ask again to stop at once. The first signal is remembered."""
        if self.stop.is_set():
            self.now.set()
        else:
            self.signal = number
            self.stop.set()


@contextmanager
def caught() -> Iterator[Wish]:
    """Turn the signals into a `Wish` while the block runs; then put back what was there before."""
    wish = Wish()
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in WATCHED}
    for number in WATCHED:
        loop.add_signal_handler(number, wish.ask, number)
    try:
        yield wish
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
