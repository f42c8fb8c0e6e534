"""Streams that outlive a connection: after a break they go on exactly where they were."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Final, TypeVar

import msgspec

from argoexec_cli.errors import UnavailableError

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class Patience(msgspec.Struct, frozen=True):
    """How long a broken stream is tried again: after *first_s*, doubling up to *most_s*.

    `limit_s` counts from the break; a stream that brought anything starts anew.
    """

    first_s: float = 0.1
    most_s: float = 2.0
    limit_s: float = 60.0


PATIENCE: Final = Patience()


async def resumed(
    attempt: Callable[[], AsyncGenerator[_T, None] | None], *, patience: Patience = PATIENCE
) -> AsyncIterator[_T]:
    """Yield from `attempt()`, and again from a new one each time that the server went away.

    *attempt* opens the stream after the last message that it has yielded, or returns None when
    nothing is left to ask for. A stream that breaks before its first message, ever, raises at once:
    then there is nothing to resume, and the caller should know. Raises the last `UnavailableError`
    when the server stays away for longer than *patience* allows.
    """
    broken_at: float | None = None
    pause_s, begun = patience.first_s, False
    while (stream := attempt()) is not None:
        try:
            async for item in stream:
                begun, broken_at, pause_s = True, None, patience.first_s
                yield item
            return
        except UnavailableError as exc:
            now = time.monotonic()
            broken_at = now if broken_at is None else broken_at
            if not begun or now - broken_at >= patience.limit_s:
                raise
            _log.info("%s; trying again in %.1f s", exc.message, pause_s)
        finally:
            await stream.aclose()
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, patience.most_s)
