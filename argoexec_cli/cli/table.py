"""Plain aligned tables, and colour for terminals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_GAP: Final = "   "
_COLORS: Final = {
    "Succeeded": "\x1b[32m",
    "Completed": "\x1b[32m",
    "Running": "\x1b[36m",
    "Pending": "\x1b[33m",
    "Stopped": "\x1b[33m",
    "Failed": "\x1b[31m",
    "Error": "\x1b[31m",
    "Warning": "\x1b[33m",
}
_RESET: Final = "\x1b[0m"


def render_table(
    rows: Sequence[Sequence[str]], *, header: Sequence[str] = (), color: bool = False
) -> str:
    """Align *rows* in columns; the last column is as long as it is. No rows and no header: "".

    With *color* every cell that is a phase gets the phase's colour. Control characters in cells
    are made visible, so that no message of a task can move the cursor.
    """
    lines = [list(header), *map(list, rows)] if header else [list(row) for row in rows]
    if not lines:
        return ""
    lines = [[printable(cell) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    widths[-1] = 0
    return "".join(_line(line, widths, color) for line in lines)


def paint(text: str, phase: str, color: bool) -> str:
    """Give *text* the colour of *phase*, when there is colour."""
    return f"{_COLORS[phase]}{text}{_RESET}" if color and phase in _COLORS else text


def _line(cells: list[str], widths: list[int], color: bool) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    if color:
        padded = [paint(text, cell, color) for text, cell in zip(padded, cells, strict=True)]
    return _GAP.join(padded).rstrip(" ") + "\n"


def printable(cell: str) -> str:
    """Return *cell* with its control characters made visible, and line ends as spaces."""
    if cell.isprintable():
        return cell
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cell.replace("\n", " "))
