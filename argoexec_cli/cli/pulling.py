"""Pulls of images that the user waits for: how far they are, on stderr."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Final

from argoexec_cli.aio import Tasks
from argoexec_cli.cli.connect import Server
from argoexec_cli.cli.follow import closing, follow_item
from argoexec_cli.cli.items import Item
from argoexec_cli.cli.session import Session
from argoexec_cli.errors import ArgoexecError
from argoexec_cli.models.record import PodRecord

PULLING: Final = "Pulling image "
"""How the message of a container begins whose image is on its way."""
LINE_EVERY_S: Final = 10.0
"""Where nothing can be redrawn."""


def pull_of(item: Item) -> str:
    """Return how far the pull is that *item* waits for; "" when it waits for none."""
    return next((text[text.index(PULLING) :] for text in _messages(item) if PULLING in text), "")


class PullTeller:
    """Tells of pulls: in one line that is redrawn on a terminal, in a line now and then elsewhere.
    With --quiet it says nothing.
    """

    def __init__(self, session: Session) -> None:
        """Say nothing yet."""
        self._session = session
        self._drawing = sys.stderr.isatty() and not session.options.quiet
        self._pulls: dict[str, str] = {}
        self._drawn = False
        self._said_s = float("-inf")

    def see(self, item: Item) -> None:
        """Take a state in, and show it if it is one of a pull."""
        if text := pull_of(item):
            self._pulls[item.label] = text
        elif self._pulls.pop(item.label, None) is None:
            return
        if self._drawing:
            self._draw()
        elif text and time.monotonic() - self._said_s >= LINE_EVERY_S:
            self._said_s = time.monotonic()
            self._session.say(f"{item.label}: {text}")

    def clear(self) -> None:
        """Take the line away, before something else is written."""
        if self._drawn:
            self._drawn = False
            self._session.say_text("\r\x1b[K")

    def _draw(self) -> None:
        self.clear()
        if self._pulls:
            import shutil  # loads three kinds of compression

            first, *others = dict.fromkeys(self._pulls.values())
            line = first + (f" (and {len(others)} more)" if others else "")
            width = shutil.get_terminal_size().columns
            self._session.say_text(f"\r\x1b[K{cut(line, width - 1)}")
            self._drawn = True


@asynccontextmanager
async def telling(
    teller: PullTeller, server: Server, item: Item
) -> AsyncIterator[Callable[[], Awaitable[Item]]]:
    """Tell of the pulls of *item* in the background of the block.

    What it gives waits for the item's last state, and raises what `follow_item` does.
    """
    last: Item | ArgoexecError = item

    async def follow() -> None:
        nonlocal last
        try:
            async with closing(follow_item(server, item)) as states:
                async for last in states:
                    teller.see(last)
        except ArgoexecError as exc:
            last = exc  # the block may well meet the same, and say it with more right

    async def ended() -> Item:
        await following
        if isinstance(last, ArgoexecError):
            raise last
        return last

    tasks = Tasks()
    following = tasks.spawn(follow(), name=f"pulls of {item.label}")
    try:
        yield ended
    finally:
        await tasks.stop()
        teller.clear()


def _messages(item: Item) -> Iterator[str]:
    source = item.source
    if isinstance(source, PodRecord):
        status = source.pod.status
        for container in (*status.init_container_statuses, *status.container_statuses):
            if container.state.waiting:
                yield container.state.waiting.message
    else:
        yield from (node.message for node in source.status.nodes.values() if not item.ended)


def cut(line: str, width: int) -> str:
    """Fit a message into *width*: how far a pull is says more than where the image is from."""
    if len(line) > width:
        line = re.sub(rf"({PULLING})\S*/", r"\1…/", line)
    return line if len(line) <= width else line[: max(0, width - 1)] + "…"
