"""Trying again while the fault is a passing one: an engine that restarts, a disk that is full."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from argoexec_cli.errors import ArgoexecError, CapacityError, UnavailableError

_T = TypeVar("_T")
_FIRST_S: Final = 0.05
_LONGEST_S: Final = 5.0
PASSING: Final = (UnavailableError, CapacityError)


async def until_it_works(
    call: Callable[[], Awaitable[_T]],
    on_fault: Callable[[ArgoexecError], None],
    *,
    faults: tuple[type[ArgoexecError], ...] = PASSING,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> _T:
    """Repeat *call* while it raises one of *faults*, waiting 50 ms, then longer, at most 5 s.

    *on_fault* is told of the first fault only. Cancel it to give up.
    """
    delay = _FIRST_S
    while True:
        try:
            return await call()
        except faults as exc:
            if delay == _FIRST_S:
                on_fault(exc)
        await sleep(delay)
        delay = min(delay * 2, _LONGEST_S)
