"""Ctrl-C and TERM for commands that must clean up: once to stop, further ones change nothing."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, Final

from argoexec_cli.cli.session import Session
from argoexec_cli.errors import ExitCode

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


async def tidy_on_interrupt(session: Session, work: Coroutine[Any, Any, None]) -> int:
    """Run *work*; the first signal cancels it, and all of its cleaning up is waited for.

    Returns the exit code: 130 when it was interrupted.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    interrupted = False

    def on_signal() -> None:
        nonlocal interrupted
        session.say("\ncleaning up, please wait" if interrupted else "\ninterrupted")
        if not interrupted:
            interrupted = True
            task.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, on_signal)
    try:
        await task
    except asyncio.CancelledError:
        if not interrupted:
            raise
        return ExitCode.INTERRUPTED
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
    return ExitCode.OK
