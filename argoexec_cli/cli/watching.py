"""The state of runs and pods as it changes: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Coroutine
from typing import Any, Final

from argoexec_cli.aio import Tasks
from argoexec_cli.cli.connect import Server
from argoexec_cli.cli.find import without_pods_of_runs
from argoexec_cli.cli.follow import all_of, closing, follow_all, follow_item
from argoexec_cli.cli.items import Item, in_order, now
from argoexec_cli.cli.live import Live
from argoexec_cli.cli.output import write
from argoexec_cli.cli.pulling import LINE_EVERY_S, PULLING
from argoexec_cli.cli.rows import change_line, header, row
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.summary import render_steps
from argoexec_cli.cli.table import render_table
from argoexec_cli.errors import ExitCode

_REDRAW_S: Final = 1.0
_AT_MOST_EVERY_S: Final = 0.05


class Board:
    """Keeps the newest state of items and shows it: redrawn on a terminal, else a line a change."""

    def __init__(self, session: Session, *, namespaces: bool = False) -> None:
        """Show nothing yet."""
        self._session = session
        self._namespaces = namespaces
        self._items: dict[tuple[str, str, str], Item] = {}
        self._said: dict[tuple[str, str, str], tuple[str, float]] = {}
        self._live = Live(sys.stdout) if sys.stdout.isatty() else None
        self._changed = asyncio.Event()

    def update(self, kind: str, item: Item | None) -> None:
        """Take a change in; `kind` is a watch's type."""
        if item is None:
            return
        key = (item.kind, item.namespace, item.name)
        if kind == "DELETED":
            self._items.pop(key, None)
        else:
            self._items[key] = item
        self._changed.set()
        if self._live is None:
            self._say(
                key, f"{item.label} deleted" if kind == "DELETED" else change_line(item, now())
            )

    async def keep_drawing(self) -> None:
        """Redraw at every change, and each second because ages grow; for ever."""
        while self._live is not None:
            self.draw()
            self._changed.clear()
            await asyncio.sleep(_AT_MOST_EVERY_S)
            try:
                async with asyncio.timeout(_REDRAW_S):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def draw(self) -> None:
        """Show the newest state now; nothing to do when this is no terminal."""
        if self._live is not None:
            self._live.draw(self._render())

    def _say(self, key: tuple[str, str, str], line: str) -> None:
        before, before_s = self._said.get(key, ("", 0.0))
        both_pull = PULLING in line and PULLING in before
        if line == before or (both_pull and time.monotonic() - before_s < LINE_EVERY_S):
            return
        self._said[key] = (line, time.monotonic())
        write(line + "\n")

    def _render(self) -> str:
        # A daemon that was restarted tells of what runs after what has ended.
        items = without_pods_of_runs(in_order(self._items.values()))
        moment, namespaces = now(), self._namespaces
        rows = [row(item, moment, wide=False, namespaces=namespaces) for item in items]
        head = header(wide=False, namespaces=namespaces)
        text = render_table(rows, header=head, color=self._session.color)
        if len(items) == 1 and (steps := render_steps(items[0], moment, self._session.color)):
            text += "\n" + steps
        return text


async def _with_board(board: Board, work: Coroutine[Any, Any, None]) -> None:
    """Do *work* while the board is drawn; leave its last state on the screen."""
    tasks = Tasks()
    tasks.spawn(board.keep_drawing(), name="redraw")
    try:
        await work
    finally:
        await tasks.stop()
        board.draw()


async def watch_all(session: Session, server: Server, namespace: str) -> None:
    """Show every run and pod of a namespace (empty: of all); never ends by itself."""
    board = Board(session, namespaces=not namespace)
    await _with_board(board, follow_all(server, namespace, board.update))


async def watch_items(session: Session, server: Server, items: list[Item]) -> int:
    """Show *items* until all have ended; return the first exit code that is not 0."""
    board = Board(session)
    outcomes: dict[int, int] = {}

    async def follow(number: int, item: Item) -> None:
        async with closing(follow_item(server, item)) as states:
            async for state in states:
                board.update("MODIFIED", state)
                outcomes[number] = state.exit_code if state.ended else ExitCode.OK

    await _with_board(board, all_of(*(follow(*numbered) for numbered in enumerate(items))))
    return next((code for _, code in sorted(outcomes.items()) if code), ExitCode.OK)
