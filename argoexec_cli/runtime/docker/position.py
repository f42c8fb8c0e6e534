"""Where a reader of a container's log is.

The entries that it has, and if it reads the file, the byte that follows them.

The two ways of reading share the count of entries, so a reader that had the file may go on through
the API, and the reverse.
"""

from __future__ import annotations

from typing import NamedTuple, Self

from argoexec_cli.errors import InvalidError


class Position(NamedTuple):
    """`entries` were read.

    They end at byte `offset` of the file; -1 when it was not read from the file.
    """

    entries: int = 0
    offset: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote; empty is the start. InvalidError for anything else."""
        if not text:
            return cls()
        kind, _, numbers = text.partition(":")
        parts = numbers.split(":")
        if all(part.isascii() and part.isdigit() for part in parts):
            if kind == "a" and len(parts) == 1:
                return cls(int(parts[0]), -1)
            if kind == "f" and len(parts) == 2:
                return cls(int(parts[1]), int(parts[0]))
        raise InvalidError(f"{text!r} is no position in a log", hint="use one that logs gave")

    def __str__(self) -> str:
        return f"a:{self.entries}" if self.offset < 0 else f"f:{self.offset}:{self.entries}"
