"""Plain aligned tables, and colour for terminals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from argoexec_cli.cli.live import cut

_GAP: Final = "   "
_LEAST: Final = 20
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
    rows: Sequence[Sequence[str]],
    *,
    header: Sequence[str] = (),
    color: bool = False,
    screen: int = 0,
) -> str:
    """Align *rows* in columns; the last column is as long as it is. No rows and no header: "".

    For a *screen* that is so wide, the last column is cut to what the others leave, but not to
    less than says anything.

    With *color* every cell that is a phase gets the phase's colour. Control characters in cells
    are made visible, so that no message of a task can move the cursor.
    """
    lines = [list(header), *map(list, rows)] if header else [list(row) for row in rows]
    if not lines:
        return ""
    lines = [[printable(cell) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    if screen:
        room = screen - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1)
        lines = [[*line[:-1], cut(line[-1], max(room, _LEAST))] for line in lines]
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
