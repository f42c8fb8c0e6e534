"""Where a reader of a container's log is: how many bytes it has of each of the two files."""

from __future__ import annotations

from typing import NamedTuple, Self

from argoexec_cli.errors import InvalidError

_MAX_DIGITS = 18


class Position(NamedTuple):
    """Bytes that were read of stdout and of stderr."""

    stdout: int = 0
    stderr: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote; empty is the start. `InvalidError` for anything else."""
        if not text:
            return cls()
        parts = text.split(":")
        if len(parts) != 2 or not all(map(_is_number, parts)):
            raise InvalidError(f"{text!r} is no position in a log", hint="use one that logs gave")
        return cls(int(parts[0]), int(parts[1]))

    def __str__(self) -> str:
        return f"{self.stdout}:{self.stderr}"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
