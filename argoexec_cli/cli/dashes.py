"""A command for elsewhere (`exec NAME -- COMMAND...`) keeps its own options to itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from argoexec_cli.cli.declare import Argument, Param
from argoexec_cli.errors import InvalidError

_MARK: Final = "-- "
"""How the metavar of such a command begins."""


def refuse_undashed(name: str, params: Sequence[Param], words: Sequence[str]) -> None:
    """Refuse the *words* of command *name* when there is no `--` and an option comes after the
    first word of the command for elsewhere: nobody could tell whose it is.
    """
    arguments = [param for param in params if isinstance(param.declared, Argument)]
    place = next((n for n, one in enumerate(arguments) if _is_command(one)), None)
    if place is None or "--" in words:
        return
    begin = _first_after(place, params, words)
    if begin is None or not any(_is_option(word) for word in words[begin:]):
        return
    import shlex

    ours, theirs = shlex.join(words[:begin]), shlex.join(words[begin:])
    raise InvalidError(
        f"{name}: '--' has to stand before a command that has options of its own",
        hint=f"argoexec {name} {ours} -- {theirs}",
    )


def _first_after(count: int, params: Sequence[Param], words: Sequence[str]) -> int | None:
    """Return where the word after *count* plain ones is."""
    takes_value = {flag for param in params if param.type is not bool for flag in param.flags}
    position = 0
    while position < len(words):
        word = words[position]
        if _is_option(word):
            position += word in takes_value
        elif count == 0:
            return position
        else:
            count -= 1
        position += 1
    return None


def _is_command(param: Param) -> bool:
    return (param.declared.metavar or "").startswith(_MARK)


def _is_option(word: str) -> bool:
    return word.startswith("-") and word != "-"
