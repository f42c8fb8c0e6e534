"""Text on a terminal that is redrawn in place."""

from __future__ import annotations

import shutil
from typing import TextIO


class Live:
    """Draws a block of text over the one before. Longer blocks are cut to the screen's height."""

    def __init__(self, out: TextIO) -> None:
        """Draw nothing yet."""
        self._out = out
        self._lines = 0

    def draw(self, text: str) -> None:
        """Replace what is shown by *text*."""
        size = shutil.get_terminal_size()
        lines = text.splitlines()[: max(1, size.lines - 1)]
        up = f"\x1b[{self._lines}A" if self._lines else ""
        # \x1b[J clears to the end of the screen; \x1b[?7l keeps long lines from wrapping, which
        # would make more lines on the screen than we count.
        body = "".join(f"{line}\n" for line in lines)
        self._out.write(f"{up}\r\x1b[J\x1b[?7l{body}\x1b[?7h")
        self._out.flush()
        self._lines = len(lines)
