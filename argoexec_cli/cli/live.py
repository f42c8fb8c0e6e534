"""Text on a terminal that is redrawn in place."""

from __future__ import annotations

import re
import shutil
import unicodedata
from typing import Final, TextIO

_PIECE: Final = re.compile(r"\x1b\[[0-9;]*m|.", re.DOTALL)


class Live:
    """Draws a block of text over the one before. What is larger is cut to the screen."""

    def __init__(self, out: TextIO) -> None:
        """Draw nothing yet."""
        self._out = out
        self._lines = 0

    def draw(self, text: str) -> None:
        """Replace what is shown by *text*."""
        size = shutil.get_terminal_size()
        lines = [cut(line, size.columns) for line in _fitting(text, size.lines - 1)]
        up = f"\x1b[{self._lines}A" if self._lines else ""
        # \x1b[J clears to the end of the screen; \x1b[?7l keeps lines from wrapping when the window
        # has just become narrower, which would make more lines on the screen than we count.
        body = "".join(f"{line}\n" for line in lines)
        self._out.write(f"{up}\r\x1b[J\x1b[?7l{body}\x1b[?7h")
        self._out.flush()
        self._lines = len(lines)


def _fitting(text: str, rows: int) -> list[str]:
    """Return the lines of *text* for so many rows; the last row tells how many were left out."""
    lines = text.splitlines()
    if len(lines) <= rows:
        return lines
    shown = lines[: max(0, rows - 1)]
    return [*shown, f"… {len(lines) - len(shown)} more lines"]


def cut(line: str, columns: int) -> str:
    """Return *line* in at most so many columns of a terminal, ending in `…` when it was longer.

    Colours take no column and are all kept; East Asian characters take two.
    """
    pieces = _PIECE.findall(line)
    if sum(map(_columns, pieces)) <= columns:
        return line
    left, kept = columns - 1, ""
    for piece in pieces:
        width = _columns(piece)
        if width <= left or not width:
            kept += piece
        left = left - width if width <= left else 0
    return f"{kept}…"


def _columns(piece: str) -> int:
    if piece.startswith("\x1b") or unicodedata.combining(piece):
        return 0
    return 2 if unicodedata.east_asian_width(piece) in "WF" else 1
