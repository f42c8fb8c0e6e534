"""Ctrl-C while something is followed: stop following, and say how to stop the thing itself.

What is said begins on a line of its own, below the terminal's ^C.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from argoexec_cli.cli.session import Session


@asynccontextmanager
async def detachable(
    session: Session, name: str, again: str, *, stop: str = "stop", namespace: str = ""
) -> AsyncIterator[None]:
    """Tell the user on Ctrl-C that *name* runs on, how to come back to it, and how to end it.

    The *namespace* of the session is meant where none is given.
    """
    try:
        yield
    except asyncio.CancelledError:
        usual = "" if session.namespace == "default" else session.namespace
        place = f" -n {namespace or usual}" if namespace or usual else ""
        session.say(f"\ndetached: {name} runs on")
        session.say(f"  come back:  argoexec {again} {name}{place}")
        session.say(f"  stop it:    argoexec {stop} {name}{place}")
        raise


@asynccontextmanager
async def interruptible(session: Session) -> AsyncIterator[None]:
    """Leave a clean prompt on Ctrl-C where there is no one thing to come back to."""
    try:
        yield
    except asyncio.CancelledError:
        session.say("")
        raise
